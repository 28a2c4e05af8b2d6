import pytest

from workflows_app.gallery.load import gallery_load
from workflows_app.models import Workflow
from workflows_app.services.people import person_create, workspace_default

NEEDS = {"customer-case": ["customer-profile"]}


@pytest.fixture
def gallery():
    """Give a function that publishes one workflow of the gallery."""
    workspace = workspace_default()
    person_create(username="owner", workspace=workspace, roles=["admin", "reviewer"])
    person_create(username="reviewer", workspace=workspace, roles=["reviewer"])

    def publish(slug):
        gallery_load(workspace=workspace, slugs=[slug, *NEEDS.get(slug, [])])
        return Workflow.objects.get(workspace=workspace, slug=slug)

    return publish
