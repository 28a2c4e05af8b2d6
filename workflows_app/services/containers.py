"""Opening containers: which bodies they run, over which values."""

from typing import Any
from uuid import UUID

from workflows_app.core.changes import own_body
from workflows_app.core.durations import is_duration
from workflows_app.core.expressions import ExpressionError
from workflows_app.core.facts import (
    ContainerOpened,
    Fact,
    StepFailed,
    StepSucceeded,
    StepSuspended,
)
from workflows_app.core.graph import body_key
from workflows_app.core.states import WaitReason
from workflows_app.errors import Invalid
from workflows_app.models import WorkflowVersion
from workflows_app.services.batch import Claim
from workflows_app.services.inputs import input_check
from workflows_app.services.step_limit import step_limit
from workflows_app.services.values import condition_of

JSON = Any
DEFAULT_CONCURRENCY = 8


def container_open(claim: Claim, settings: JSON, values: JSON, worker: str) -> Fact:
    """Give the fact that opens a container, or that ends it where it has nothing to do."""
    opener = {
        "group": _group,
        "map": _map,
        "loop": _loop,
        "workflow": _workflow,
        "state_machine": _state_machine,
    }[str(claim.node.kind.primitive)]
    try:
        return opener(claim, settings, values, worker)
    except ExpressionError as error:
        return _failed(claim, worker, error.code, error.message)


def _failed(claim: Claim, worker: str, code: str, message: str) -> StepFailed:
    return StepFailed(
        step_run=claim.id, token=claim.token, actor=worker, code=code, message=message
    )


def _opened(
    claim: Claim, worker: str, settings: JSON, kind: str, values: list[JSON], **more: Any
) -> ContainerOpened:
    shown = {key: value for key, value in settings.items() if key != "body"}
    override = own_body(claim.node.spec)
    if claim.node.spec.get("body_is_data"):
        override = settings["body"]
    return ContainerOpened(
        step_run=claim.id,
        token=claim.token,
        actor=worker,
        input=shown,
        body=body_key(claim.setting.body, claim.node.id),
        values=tuple(values),
        scope_kind=kind,
        override=override,
        **more,
    )


def _group(claim: Claim, settings: JSON, values: JSON, worker: str) -> Fact:
    own = dict(settings.get("values") or {})  # an expansion gives its steps more to see
    if claim.feedback is not None:
        own["feedback"] = claim.feedback
    return _opened(claim, worker, settings, "group", [own])


def _map(claim: Claim, settings: JSON, values: JSON, worker: str) -> Fact:
    items = settings.get("items")
    if not isinstance(items, list):
        shown = type(items).__name__ if items is not None else "null"
        return _failed(claim, worker, "items_not_a_list", f"items must be a list, not {shown}")
    size = int(settings.get("batch") or 1)
    if size > 1:
        items = [items[first : first + size] for first in range(0, len(items), size)]
    enough = settings.get("enough")
    limit = step_limit(claim.context.version.expanded)
    if len(items) > limit:
        message = f"{len(items)} items are more than the run's limit of {limit} step runs"
        return _failed(claim, worker, "step_limit", message)
    return _opened(
        claim,
        worker,
        settings,
        "item",
        [{"item": item, "index": index} for index, item in enumerate(items)],
        concurrency=int(settings.get("concurrency") or DEFAULT_CONCURRENCY),
        progress={
            "failures": settings.get("failures") or 0,
            "enough": int(enough) if isinstance(enough, int | float) else None,
            **_more(settings.get("more"), size),
        },
    )


def _more(more: JSON, size: int) -> dict[str, JSON]:
    """Give what a map remembers of `more`: its event, and a duration where `until` is one."""
    if not more:
        return {}
    until = more.get("until")
    kept: dict[str, JSON] = {"event": more["event"], "in_batches": size > 1}
    kept["after" if is_duration(until) else "last"] = until
    return {"more": kept, "is_open": until is not None}


def _loop(claim: Claim, settings: JSON, values: JSON, worker: str) -> Fact:
    first: dict[str, JSON] = {"iteration": 0, "previous": {}}
    items = settings.get("items")
    has_items = items is not None
    if has_items:
        if not isinstance(items, list):
            return _failed(claim, worker, "items_not_a_list", "items must be a list")
        if not items:
            return _nothing(claim, worker, settings)
        first |= {"item": items[0], "index": 0}
    condition = claim.node.settings.get("while")
    if condition and not condition_of(condition).evaluate({**values, **first}):
        return _nothing(claim, worker, settings)
    key = body_key(claim.setting.body, claim.node.id)
    progress = {"limit": int(settings["limit"]), "has_items": has_items, "body": key}
    return _opened(claim, worker, settings, "iteration", [first], progress=progress)


def _state_machine(claim: Claim, settings: JSON, values: JSON, worker: str) -> Fact:
    return ContainerOpened(
        step_run=claim.id,
        token=claim.token,
        actor=worker,
        body=body_key(claim.setting.body, claim.node.id),
        values=(),
        scope_kind="visit",
    )


def _nothing(claim: Claim, worker: str, settings: JSON) -> StepSucceeded:
    return StepSucceeded(
        step_run=claim.id,
        token=claim.token,
        actor=worker,
        input={key: value for key, value in settings.items() if key != "body"},
        output={"iterations": 0, "last": None},
    )


def _workflow(claim: Claim, settings: JSON, values: JSON, worker: str) -> Fact:
    if "undoes" in claim.node.spec:
        return _rollback(claim, settings, worker)
    limit = int((claim.context.version.expanded.get("limits") or {}).get("depth", 5))
    if claim.context.depth + 1 > limit:
        message = f"workflows are nested deeper than the limit of {limit}"
        return _failed(claim, worker, "depth_limit", message)
    version = _version(claim, settings)
    if version is None:
        message = f"the workflow {settings['slug']} has no such published version"
        return _failed(claim, worker, "no_such_version", message)
    value = settings.get("input")
    try:
        input_check(version, value if value is not None else {})
    except Invalid as error:
        return _failed(claim, worker, error.code, error.message)
    return StepSuspended(
        step_run=claim.id,
        token=claim.token,
        actor=worker,
        input=settings,
        reason=WaitReason.CHILD.value,
        request={"version": str(version.pk), "input": value if value is not None else {}},
        why=f"it runs {settings['slug']} v{version.number}",
    )


def _rollback(claim: Claim, settings: JSON, worker: str) -> StepSuspended:
    """Undo a step that ran another workflow: its run is rolled back."""
    return StepSuspended(
        step_run=claim.id,
        token=claim.token,
        actor=worker,
        input=settings,
        reason=WaitReason.CHILD.value,
        request={"rollback": settings["rollback"]},
        why="its child run is rolled back",
    )


def _version(claim: Claim, settings: JSON) -> WorkflowVersion | None:
    own = claim.context.version
    versions = WorkflowVersion.objects.filter(
        workflow__workspace_id=own.workspace_id, workflow__slug=settings["slug"]
    )
    if settings.get("version"):
        return versions.filter(number=int(settings["version"])).first()
    if settings["slug"] == own.slug:
        return versions.filter(pk=own.id).first()
    pinned = ((own.pins or {}).get("workflows") or {}).get(settings["slug"])
    if pinned:
        return versions.filter(pk=UUID(str(pinned))).first()
    return versions.filter(number__isnull=False).order_by("-number").first()
