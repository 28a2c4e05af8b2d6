"""Settings, entry points and the supervisor."""

from project.celery import app as celery_app

__all__ = ["celery_app"]
