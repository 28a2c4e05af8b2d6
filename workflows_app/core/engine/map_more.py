"""Items that come while a map is open: one for each event of a type, until the last one came."""

from typing import Any

from workflows_app.core.changes import own_body
from workflows_app.core.durations import duration_parse
from workflows_app.core.effects import CloseWaits, OpenScopes, OpenWait, StartTimer, TakeEvent
from workflows_app.core.engine import containers, heard
from workflows_app.core.engine.draft import MORE, Draft, StepDraft
from workflows_app.core.facts import ContainerOpened, EventArrived, TimerFired
from workflows_app.core.states import StepState

JSON = Any
_CLOSING = ("stopping", "timed_out", "is_enough")


def on_opened(draft: Draft, status: StepDraft, fact: ContainerOpened) -> None:
    """Open a container; a map that takes more items listens from now on."""
    containers.on_opened(draft, status, fact)
    more = (status.progress or {}).get("more")
    if not more or not status.is_open or not status.is_container:
        return
    status.progress |= {"body": fact.body, "since": draft.now.isoformat()}
    _listen(draft, status)
    if more.get("after"):
        timer = TimerFired(step_run=status.id, generation=status.generation, name="more")
        due_at = draft.now + duration_parse(more["after"])
        draft.effects.append(StartTimer(step_run=status.id, name="more", due_at=due_at, fact=timer))


def _listen(draft: Draft, status: StepDraft) -> None:
    request = {"event": status.progress["more"]["event"], "since": status.progress["since"]}
    draft.effects.append(
        OpenWait(
            step_run=status.id,
            path=status.path,
            generation=status.generation,
            request=request,
            port=MORE,
        )
    )


def on_event(draft: Draft, status: StepDraft, fact: EventArrived) -> None:
    """Hand an event to whoever waits for it: a step, an arm of `until`, or an open map."""
    if fact.port != MORE:
        heard.on_event(draft, status, fact)
        return
    progress = dict(status.progress or {})
    is_over = status.is_cancelling or any(map(progress.get, _CLOSING))
    if fact.generation != status.generation or is_over or status.state is not StepState.RUNNING:
        return
    draft.effects.append(TakeEvent(step_run=status.id, row=fact.row))
    heard.event_record(draft, status, fact)
    _add(draft, status, progress, fact.event.get("data"))
    if fact.is_last:
        status.progress["is_open"] = False
    else:
        _listen(draft, status)


def _add(draft: Draft, status: StepDraft, progress: dict[str, JSON], item: JSON) -> None:
    index = progress["total"]
    opened = int(progress["working"] < progress["concurrency"])
    progress["total"] += 1
    progress["opened"] += opened
    progress["working"] += opened
    status.progress = progress
    status.is_changed = True
    given = [item] if progress["more"].get("in_batches") else item
    draft.effects.append(
        OpenScopes(
            container=status.id,
            step=status.step,
            path=status.path,
            body=progress["body"],
            kind="item",
            values=({"item": given, "index": index},),
            first=index,
            opened=opened,
            slot="held",
            override=own_body(draft.node(status).spec),
        )
    )


def on_timer(draft: Draft, status: StepDraft, fact: TimerFired) -> None:
    """The time for more items is over; any other time is not for a map."""
    if fact.name != "more":
        heard.on_timer(draft, status, fact)
        return
    if fact.generation != status.generation or status.state is not StepState.RUNNING:
        return
    status.progress = {**(status.progress or {}), "is_open": False}
    status.is_changed = True
    draft.effects.append(CloseWaits(step_run=status.id))
    containers.map_end_if_done(draft, status)
