from django.apps import AppConfig


class GalleryConfig(AppConfig):
    """Sample workflows, and tools that act on sample tables only."""

    name = "workflows_app.gallery"
    label = "gallery"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Sample gallery"
