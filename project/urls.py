"""Where every address leads; each app names its own paths, from the root."""

from importlib.util import find_spec

from django.contrib import admin
from django.urls import include, path

from project import health
from project.errors import handler400, handler403, handler404, handler500
from project.parts import attribute_of

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]
PAGES = (
    "workflows_app.urls",
    "approvals_app.urls",
    "workflows_app.evidence.urls",
    "workflows_app.agents.urls",
)

urlpatterns = [
    path("health", health.health_view, name="health"),
    path("ready", health.ready_view, name="ready"),
    path("django-admin/", admin.site.urls),
]
if api := attribute_of("project.api", "api"):
    urlpatterns.append(path("api/v1/", api.urls))
urlpatterns += [path("", include(pages)) for pages in PAGES if find_spec(pages)]
