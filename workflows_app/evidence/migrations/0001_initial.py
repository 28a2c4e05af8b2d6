import django.db.models.deletion
from django.db import migrations, models

APPEND_ONLY = """
CREATE TRIGGER seal_append_only BEFORE UPDATE OR DELETE ON evidence_seal
  FOR EACH ROW EXECUTE FUNCTION countersign_append_only();
CREATE TRIGGER seal_no_truncate BEFORE TRUNCATE ON evidence_seal
  FOR EACH STATEMENT EXECUTE FUNCTION countersign_append_only();
"""
NOT_APPEND_ONLY = """
DROP TRIGGER seal_append_only ON evidence_seal;
DROP TRIGGER seal_no_truncate ON evidence_seal;
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("workflows_app", "0002_append_only"),
    ]

    operations = [
        migrations.CreateModel(
            name="Chain",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.BigIntegerField(default=0)),
                ("hash", models.BinaryField(max_length=32)),
                ("verified_at", models.DateTimeField(null=True)),
                ("verified_position", models.BigIntegerField(default=0)),
                ("broken_at", models.BigIntegerField(null=True)),
                (
                    "workspace",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="chain",
                        to="workflows_app.workspace",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SealCursor",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("transaction", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("pk", 1)), name="sealcursor_one_row")
                ],
            },
        ),
        migrations.CreateModel(
            name="Tally",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("metric", models.CharField(max_length=60)),
                ("workflow", models.CharField(max_length=100)),
                ("kind", models.CharField(blank=True, max_length=50)),
                ("bucket", models.SmallIntegerField(default=0)),
                ("value", models.FloatField(default=0.0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("metric", "workflow", "kind", "bucket"), name="tally_once_per_label"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Seal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.BigIntegerField()),
                ("previous", models.BinaryField(max_length=32)),
                ("hash", models.BinaryField(max_length=32)),
                ("record_hash", models.BinaryField(max_length=32)),
                ("at", models.DateTimeField()),
                ("type", models.CharField(max_length=60)),
                ("actor", models.CharField(blank=True, max_length=200)),
                ("object", models.CharField(max_length=200)),
                (
                    "app_event",
                    models.OneToOneField(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="seal",
                        to="workflows_app.appevent",
                    ),
                ),
                (
                    "chain",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="seals",
                        to="evidence.chain",
                    ),
                ),
                (
                    "run_event",
                    models.OneToOneField(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="seal",
                        to="workflows_app.runevent",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["chain", "type", "-position"], name="seal_by_type"),
                    models.Index(fields=["chain", "actor", "-position"], name="seal_by_actor"),
                    models.Index(fields=["chain", "object", "-position"], name="seal_by_object"),
                    models.Index(fields=["chain", "at"], name="seal_by_time"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("chain", "position"), name="seal_one_per_position"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("app_event__isnull", True), ("run_event__isnull", False)),
                            models.Q(("app_event__isnull", False), ("run_event__isnull", True)),
                            _connector="OR",
                        ),
                        name="seal_of_one_record",
                    ),
                ],
            },
        ),
        migrations.RunSQL(APPEND_ONLY, NOT_APPEND_ONLY),
    ]
