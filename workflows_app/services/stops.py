"""Stopping every call of tools and models in a workspace, until somebody lets them go on.

A step that would call something waits, as at a breaker that is open for everything; what is on its
way comes back, and undoing goes on. The stop stands in the workspace's settings, which every
worker reads again after a moment.
"""

from datetime import datetime
from typing import Any

from django.db import transaction

from workflows_app.core.states import WaitReason
from workflows_app.errors import Conflict, Invalid
from workflows_app.models import Workspace
from workflows_app.selectors.people import Principal
from workflows_app.services.clock import database_now
from workflows_app.services.members import app_event
from workflows_app.services.steps_wake import steps_wake

JSON = Any
STOPPED = "stopped"  # in the settings: {"by", "at", "reason"}
REASON_LIMIT = 2_000


def stop_told(workspace: Workspace) -> dict[str, JSON] | None:
    """Give `{by, at, reason}` while the calls of a workspace are stopped."""
    held = workspace.settings.get(STOPPED)
    return {**held, "at": datetime.fromisoformat(held["at"])} if held else None


@transaction.atomic
def actions_stop(*, workspace: Workspace, actor: Principal, reason: str) -> None:
    """Let nothing call a tool or a model from now on.

    Raises:
        Forbidden: the actor may not steer runs there.
        Invalid: no reason, or a very long one.
        Conflict: `already_stopped`.
    """
    actor.require("run", workspace.pk)
    why = reason.strip()
    if not 0 < len(why) <= REASON_LIMIT:
        raise Invalid(f"Say why, in 1 to {REASON_LIMIT} characters: everybody is told.")
    held = Workspace.objects.select_for_update().get(pk=workspace.pk)
    if held.settings.get(STOPPED):
        raise Conflict("Everything is stopped already.", code="already_stopped")
    told = {"by": actor.actor, "at": database_now().isoformat(), "reason": why}
    held.settings[STOPPED] = told
    held.save(update_fields=["settings"])
    app_event(held, "actions.stopped", f"workspace:{held.slug}", actor.actor, why=why)


@transaction.atomic
def actions_resume(*, workspace: Workspace, actor: Principal, reason: str = "") -> None:
    """Let tools and models be called again; what waits for it goes on at once.

    Raises:
        Forbidden: the actor does not administer the workspace.
        Conflict: `not_stopped`.
    """
    actor.require("admin", workspace.pk)
    held = Workspace.objects.select_for_update().get(pk=workspace.pk)
    if not held.settings.pop(STOPPED, None):
        raise Conflict("Nothing is stopped.", code="not_stopped")
    held.save(update_fields=["settings"])
    why = reason.strip()[:REASON_LIMIT]
    app_event(held, "actions.resumed", f"workspace:{held.slug}", actor.actor, why=why)
    steps_wake(workspace_id=held.pk, reason=WaitReason.BREAKER.value)
