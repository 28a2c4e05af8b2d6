from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    """The engine and its faces."""

    name = "workflows_app"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Workflows"

    def ready(self) -> None:
        from workflows_app.steps import register_kinds  # noqa: PLC0415

        register_kinds()
