from django.apps import AppConfig


class EvidenceConfig(AppConfig):
    """The audit chain, its exports, and the metrics."""

    name = "workflows_app.evidence"
    label = "evidence"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Evidence"

    def ready(self) -> None:
        from workflows_app.evidence.page_parts import chain_banners, run_proof  # noqa: PLC0415
        from workflows_app.evidence.services.heads import heads_sweep  # noqa: PLC0415
        from workflows_app.evidence.services.seal import seal_sweep  # noqa: PLC0415
        from workflows_app.page_hooks import register_banners, register_proof  # noqa: PLC0415
        from workflows_app.services.sweep import register_sweep  # noqa: PLC0415

        register_sweep("evidence.seal", seal_sweep)
        register_sweep("evidence.heads", heads_sweep)
        register_banners(chain_banners)
        register_proof(run_proof)
