"""Where every address leads; each app names its own paths, from the root."""

from django.contrib import admin
from django.urls import include, path

from project import health
from project.api import api
from project.errors import handler400, handler403, handler404, handler500
from workflows_app.api.events import hook

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [
    path("health", health.health_view, name="health"),
    path("ready", health.ready_view, name="ready"),
    path("django-admin/", admin.site.urls),
    path("api/v1/", api.urls),
    path("hooks/<uuid:hook_id>", hook, name="hook"),
    path("", include("workflows_app.urls")),
    path("", include("approvals_app.urls")),
    path("", include("workflows_app.evidence.urls")),
]
