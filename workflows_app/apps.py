from django.apps import AppConfig


class WorkflowsConfig(AppConfig):
    """The engine and its faces."""

    name = "workflows_app"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Workflows"

    def ready(self) -> None:
        from workflows_app.steps import register_kinds  # noqa: PLC0415

        register_kinds()
        self._events_connect()
        self._pages_connect()

    def _pages_connect(self) -> None:
        """Tell on every page that all agent actions are stopped."""
        from workflows_app.page_hooks import register_banners  # noqa: PLC0415
        from workflows_app.views.stop_banner import stop_banners  # noqa: PLC0415

        register_banners(stop_banners)

    def _events_connect(self) -> None:
        """Let the steps publish, and publishing a version register its triggers."""
        from workflows_app import definition_hooks, event_hooks  # noqa: PLC0415
        from workflows_app.services.bulk_work import bulk  # noqa: PLC0415
        from workflows_app.services.deliveries import deliveries  # noqa: PLC0415
        from workflows_app.services.events import event_publish  # noqa: PLC0415
        from workflows_app.services.retention import retention  # noqa: PLC0415
        from workflows_app.services.schedules import schedules_fire  # noqa: PLC0415
        from workflows_app.services.sweep import register_sweep  # noqa: PLC0415
        from workflows_app.services.triggers_register import triggers_register  # noqa: PLC0415

        event_hooks.register_publisher(event_publish)
        definition_hooks.register_published(triggers_register)
        register_sweep("schedules", schedules_fire)
        register_sweep("deliveries", deliveries.sweep)
        register_sweep("bulk", bulk.sweep)
        register_sweep("retention", retention.sweep)
