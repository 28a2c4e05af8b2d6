"""Finding what an address names, for the one who asks."""

from workflows_app.errors import Forbidden, NotFound
from workflows_app.models import User, Workflow
from workflows_app.selectors.people import Principal


def workflow_for(who: Principal, slug: str) -> Workflow:
    """Give a workflow by its slug; of several workspaces' the default one's, else the oldest.

    Raises:
        NotFound: the caller may see none of that name.
    """
    found = Workflow.objects.filter(workspace_id__in=who.workspace_ids, slug=slug)
    found = found.select_related("workspace").order_by("-workspace__is_default", "pk")
    workflow = found.first()
    if workflow is None:
        raise NotFound(f"There is no workflow {slug}.")
    return workflow


def person_of(who: Principal) -> User:
    """Give the person behind a call that changes a definition.

    Raises:
        Forbidden: a service; the four eyes of an approval have to know who edited.
    """
    if who.user is None:
        raise Forbidden("Only a person changes a definition.", code="person_needed")
    return who.user
