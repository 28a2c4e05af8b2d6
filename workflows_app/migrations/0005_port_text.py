from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workflows_app", "0004_events")]
    operations = [
        migrations.AlterField(model_name="steprun", name="port", field=models.TextField(null=True)),
    ]
