"""Workflows and versions as the API shows them."""

from typing import Any

from workflows_app.models import Workflow, WorkflowTrigger, WorkflowVersion
from workflows_app.selectors.definitions import version_newest
from workflows_app.services.definitions import draft_shape


def workflow_shape(workflow: Workflow) -> dict[str, Any]:
    """Give `{slug, name, workspace, draft, version}`; the draft is checked for its problems."""
    if hasattr(workflow, "newest_number"):
        number = workflow.newest_number
    else:
        newest = version_newest(workflow=workflow)
        number = newest.number if newest is not None else None
    return {
        "slug": workflow.slug,
        "name": workflow.name,
        "workspace": workflow.workspace.slug,
        "draft": draft_shape(workflow),
        "version": number,
    }


def version_shape(version: WorkflowVersion, *, base: str) -> dict[str, Any]:
    """Give a version with its triggers.

    Args:
        base: the address of this installation, without a slash at its end.
    """
    secrets = getattr(version, "new_secrets", {})  # {trigger id: secret}, when just made
    return {
        "number": version.number,
        "digest": version.digest,
        "note": version.note,
        "published_at": version.published_at,
        "definition": version.definition,
        "triggers": [
            trigger_shape(trigger, base, secrets.get(trigger.pk))
            for trigger in sorted(version.triggers.all(), key=lambda trigger: trigger.position)
        ],
    }


def trigger_shape(trigger: WorkflowTrigger, base: str, secret: str | None) -> dict[str, Any]:
    """Give a trigger; its secret only where it was just made."""
    return {
        "id": trigger.pk,
        "kind": trigger.kind,
        "url": f"{base}/hooks/{trigger.pk}" if trigger.kind == "webhook" else None,
        "secret": secret,
    }
