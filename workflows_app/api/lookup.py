"""Finding what an address names, for the one who asks."""

from workflows_app.errors import Conflict, Forbidden, NotFound
from workflows_app.models import User, Workflow, WorkflowVersion
from workflows_app.selectors.definitions import version_get, workflow_get
from workflows_app.selectors.people import Principal
from workflows_app.selectors.shown import workflow_started
from workflows_app.services.definitions import draft_version


def workflow_for(who: Principal, slug: str) -> Workflow:
    """Give a workflow that the caller may see."""
    return workflow_get(slug=slug, actor=who)


def workflow_newest(who: Principal, slug: str) -> tuple[Workflow, WorkflowVersion | None]:
    """Give a workflow that the caller may see, with its newest published version."""
    found = workflow_started(workspaces=who.workspace_ids, slug=slug)
    if found is None:
        raise NotFound(f"There is no workflow {slug}.")
    return found


def version_for(
    workflow: Workflow,
    wanted: int | str | None,
    *,
    mode: str,
    user: User | None,
    newest: WorkflowVersion | None,
) -> WorkflowVersion:
    """Give the version that a run is to be of: a number, `draft`, or None for the newest.

    Raises:
        NotFound: there is no version of that number.
        Conflict: `not_published`: there is none at all, or the draft was to run live.
        Invalid: the draft has problems.
    """
    if wanted == "draft":
        if mode != "rehearsal":
            raise Conflict("The draft only rehearses: publish it first.", code="not_published")
        return draft_version(workflow=workflow, actor=user)
    if wanted is not None:
        return version_get(workflow=workflow, number=int(wanted))
    if newest is None:
        raise Conflict(f"{workflow.slug} has no published version.", code="not_published")
    return newest


def person_of(who: Principal) -> User:
    """Give the person behind a call that changes a definition.

    Raises:
        Forbidden: a service; the four eyes of an approval have to know who edited.
    """
    if who.user is None:
        raise Forbidden("Only a person changes a definition.", code="person_needed")
    return who.user
