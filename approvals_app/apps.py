from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    """Requests, decisions, delegation and ladders."""

    name = "approvals_app"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Approvals"

    def ready(self) -> None:
        from approvals_app.plug import plug_in  # noqa: PLC0415

        plug_in()
