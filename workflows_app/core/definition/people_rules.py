"""Rules about people: somebody is asked, may answer, and silence leads somewhere."""

from collections.abc import Mapping
from typing import Any

from workflows_app.core.definition.problems import CheckContext, Findings
from workflows_app.core.definition.shape import shape_check
from workflows_app.core.definition.site import Place, Site
from workflows_app.core.kinds import kinds

JSON = Any


def gates_check(place: Place, context: CheckContext, findings: Findings) -> None:
    """Check the shape of `approval` and `review`, and who they ask."""
    approval = kinds().get("approval")
    for name, attribute in (("approval", "gate"), ("review", "review")):
        gate = place.spec.get(name)
        if not isinstance(gate, Mapping):
            continue
        pointer = f"{place.pointer}/{name}"
        model = getattr(approval, attribute, None)
        if model is not None:
            shape_check(
                gate, model, findings, pointer=pointer, step=place.path, ignore=("assignees",)
            )
        _asked(gate, pointer, place, context, findings)
    if place.spec.get("kind") in ("approval", "checkpoint"):
        _asked(place.settings, f"{place.pointer}/with", place, context, findings)


def timeouts_check(site: Site, place: Place, findings: Findings) -> None:
    """Warn where nobody's answer leads nowhere."""
    kind = place.spec.get("kind")
    if kind == "wait":
        has_way = place.settings.get("timeout") is None or site.leads_on(place.id, "expired")
        settings: Mapping[str, JSON] = place.settings
    elif kind in ("approval", "checkpoint"):
        settings = place.settings
        has_way = _has_way(site, place, settings)
    elif isinstance(place.spec.get("approval") or place.spec.get("review"), Mapping):
        gates = (place.spec.get("approval"), place.spec.get("review"))
        has_way = all(_has_way(site, place, gate) for gate in gates if isinstance(gate, Mapping))
    else:
        return
    if not has_way:
        findings.add(
            "no_timeout_path",
            "where nobody answers in time the workflow fails: lead `expired` somewhere",
            pointer=place.pointer,
            step=place.path,
            severity="warning",
        )


def _has_way(site: Site, place: Place, settings: Mapping[str, JSON]) -> bool:
    if settings.get("on_timeout") == "fail":
        return site.leads_on(place.id, "error")
    refusal = "stopped" if place.spec.get("kind") == "checkpoint" else "rejected"
    return site.leads_on(place.id, "expired") or site.leads_on(place.id, refusal)


def _asked(
    settings: Mapping[str, JSON],
    pointer: str,
    place: Place,
    context: CheckContext,
    findings: Findings,
) -> None:
    lists = [("assignees", settings.get("assignees"))]
    ladder = settings.get("ladder")
    for index, rung in enumerate(ladder if isinstance(ladder, list) else ()):
        if isinstance(rung, Mapping):
            lists.append((f"ladder/{index}/assignees", rung.get("assignees")))
    for name, assignees in lists:
        where = f"{pointer}/{name}"
        if assignees is None or assignees in ([], ""):
            message = "nobody is asked: name people (user:NAME) or groups (group:NAME)"
            findings.add("empty_assignees", message, pointer=where, step=place.path)
        elif isinstance(assignees, list):
            _named(assignees, settings, where, place, context, findings)
        elif not isinstance(assignees, str) or not _is_computed(assignees):
            message = "assignees are a list of user:NAME and group:NAME"
            findings.add("invalid_value", message, pointer=where, step=place.path)
    _calendar(settings.get("calendar"), f"{pointer}/calendar", place, context, findings)


def _calendar(
    name: JSON, pointer: str, place: Place, context: CheckContext, findings: Findings
) -> None:
    if not isinstance(name, str) or not name or context.calendars is None:
        return
    if name not in context.calendars:
        known = ", ".join(sorted(context.calendars)) or "none yet"
        message = f"there is no calendar {name} in this workspace (there are: {known})"
        findings.add("unknown_calendar", message, pointer=pointer, step=place.path)


def _named(
    assignees: list[JSON],
    settings: Mapping[str, JSON],
    pointer: str,
    place: Place,
    context: CheckContext,
    findings: Findings,
) -> None:
    people: set[str] | None = set()
    for index, assignee in enumerate(assignees):
        found = _members(assignee, f"{pointer}/{index}", place, context, findings)
        people = None if found is None or people is None else people | found
    if people is None or pointer.endswith("ladder"):
        return
    able = people - (context.editors or frozenset())
    need = settings.get("need")
    wanted = need if isinstance(need, int) and not isinstance(need, bool) else 1
    if people and not able:
        message = "nobody may answer: all who are asked edited this version"
        findings.add("nobody_may_decide", message, pointer=pointer, step=place.path)
    elif people and len(able) < wanted:
        message = f"{wanted} people are needed, and only {len(able)} may answer"
        findings.add("need_too_large", message, pointer=pointer, step=place.path)


def _members(
    assignee: JSON, pointer: str, place: Place, context: CheckContext, findings: Findings
) -> set[str] | None:
    """Give the people behind an assignee; None where that is not known now."""
    if not isinstance(assignee, str):
        message = "an assignee is user:NAME or group:NAME"
        findings.add("invalid_value", message, pointer=pointer, step=place.path)
        return None
    if _is_computed(assignee):
        return None
    word, _, name = assignee.partition(":")
    if word == "user" and name:
        if context.users is not None and name not in context.users:
            message = f"nobody is called {name} in this workspace"
            findings.add("unknown_user", message, pointer=pointer, step=place.path)
        return {name} if context.users is not None else None
    if word == "group" and name:
        return _group(name, pointer, place, context, findings)
    message = f"{assignee[:100]!r} is neither user:NAME nor group:NAME"
    findings.add("invalid_value", message, pointer=pointer, step=place.path)
    return None


def _group(
    name: str, pointer: str, place: Place, context: CheckContext, findings: Findings
) -> set[str] | None:
    if context.groups is None:
        return None
    if name not in context.groups:
        message = f"there is no group {name} in this workspace"
        findings.add("unknown_group", message, pointer=pointer, step=place.path)
    elif not context.groups[name]:
        message = f"the group {name} has no members"
        findings.add("empty_group", message, pointer=pointer, step=place.path)
    return set(context.groups.get(name, ()))


def _is_computed(text: str) -> bool:
    return text.startswith("=") or "{{" in text
