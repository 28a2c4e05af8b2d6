from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("approvals_app", "0002_rules_in_the_database")]

    operations = [
        migrations.AddIndex(
            model_name="approvalrequest",
            index=models.Index(
                condition=models.Q(("state", "pending")),
                fields=["workspace", "next_due_at", "number"],
                name="approval_queue",
            ),
        ),
    ]
