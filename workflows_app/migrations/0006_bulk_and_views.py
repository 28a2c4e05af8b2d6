import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import workflows_app.identifiers
import workflows_app.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("workflows_app", "0005_port_text"),
    ]

    operations = [
        migrations.RunSQL("CREATE SEQUENCE bulk_number", "DROP SEQUENCE bulk_number"),
        migrations.CreateModel(
            name="BulkOperation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=workflows_app.identifiers.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "number",
                    models.BigIntegerField(
                        db_default=models.Func(models.Value("bulk_number"), function="nextval"),
                        unique=True,
                    ),
                ),
                ("action", models.CharField(max_length=20)),
                ("fields", workflows_app.models.fields.JSONTextField(default=dict)),
                ("chosen", workflows_app.models.fields.JSONTextField(default=dict)),
                ("reason", models.TextField(blank=True)),
                ("actor", models.CharField(max_length=200)),
                ("state", models.CharField(default="proposed", max_length=10)),
                ("total", models.IntegerField(default=0)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("started_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="workflows_app.workspace",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="BulkItem",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("run_id", models.UUIDField()),
                ("number", models.BigIntegerField(null=True)),
                ("state", models.CharField(default="pending", max_length=10)),
                ("taken_at", models.DateTimeField(null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("problem", workflows_app.models.fields.JSONTextField(null=True)),
                ("result_run", models.BigIntegerField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "operation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="items",
                        to="workflows_app.bulkoperation",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("query", models.CharField(max_length=500)),
                ("is_shared", models.BooleanField(default=False)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="workflows_app.workspace",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="bulkoperation",
            index=models.Index(fields=["workspace", "-number"], name="bulk_newest_first"),
        ),
        migrations.AddIndex(
            model_name="bulkoperation",
            index=models.Index(
                condition=models.Q(("ended_at", None)), fields=["state"], name="bulk_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="bulkoperation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("action__in", ["retry", "cancel", "pause", "resume", "skip", "fail"])
                ),
                name="bulk_action_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="bulkoperation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", False), ("state__in", ["done", "stopped"])),
                    models.Q(("ended_at__isnull", True), ("state__in", ["proposed", "running"])),
                    _connector="OR",
                ),
                name="bulk_ended_iff_over",
            ),
        ),
        migrations.AddIndex(
            model_name="bulkitem",
            index=models.Index(
                models.F("operation"),
                models.F("id"),
                condition=models.Q(("state__in", ["pending", "working"])),
                name="bulkitem_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="bulkitem",
            constraint=models.UniqueConstraint(
                fields=("operation", "run_id"), name="bulkitem_once_per_run"
            ),
        ),
        migrations.AddConstraint(
            model_name="bulkitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["pending", "working", "done", "failed", "left"])),
                name="bulkitem_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="bulkitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "working"), ("taken_at__isnull", False)),
                    models.Q(("state", "working"), _negated=True),
                    _connector="OR",
                ),
                name="bulkitem_taken_iff_working",
            ),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(
                fields=("workspace", "owner", "name"), name="savedview_name_per_owner"
            ),
        ),
    ]
