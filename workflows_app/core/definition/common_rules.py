"""Rules about what any step may carry: attributes that would mean nothing where they stand."""

from collections.abc import Iterator, Mapping
from typing import Any

from workflows_app.core.definition.problems import CheckContext, Findings
from workflows_app.core.definition.site import Place

JSON = Any
# Kinds whose result somebody or something else decides: it is not used again.
_WAITS = frozenset({"approval", "checkpoint", "wait", "delay"})
_OTHERS = {
    **dict.fromkeys(("approval", "checkpoint"), "what people answer"),
    "wait": "what an event brings",
    "state_machine": "what triggers bring about",
    "workflow": "what another workflow gives",
    "publish": "an event that is published",
}
_BOXES = frozenset(
    {"group", "map", "loop", "state_machine", "fallback", "consensus", "escalation", "workflow"}
)


def common_check(place: Place, context: CheckContext, findings: Findings) -> None:
    """Check the attributes that any step may carry against what this one does."""
    _cache(place, context, findings)
    _retry(place, context, findings)
    if place.spec.get("idempotent") is not None and place.spec.get("kind") in _BOXES:
        findings.add(
            "idempotent_box",
            "a step with a body makes no call of its own: say `idempotent` on the steps inside",
            pointer=f"{place.pointer}/idempotent",
            step=place.path,
            severity="warning",
        )


def _cache(place: Place, context: CheckContext, findings: Findings) -> None:
    if not place.spec.get("cache"):
        return
    where: dict[str, Any] = {"pointer": f"{place.pointer}/cache", "step": place.path}
    kind = str(place.spec.get("kind"))
    if _effect(place.spec, context) != "none" or place.spec.get("undo"):
        message = "a step with an effect cannot be answered from a cache"
        findings.add("cache_with_effect", message, **where)
    elif kind in _WAITS or kind in _OTHERS:
        what = _OTHERS.get(kind, "the end of a wait")
        findings.add("cache_of_others", f"{what} is not used again: take the cache off", **where)
    else:
        for inner in _inside(place.spec.get("with")):
            _cache_inside(inner, context, findings, where)


def _cache_inside(
    inner: Mapping[str, JSON], context: CheckContext, findings: Findings, where: dict[str, Any]
) -> None:
    name, kind = inner.get("id") or inner["kind"], str(inner["kind"])
    if _effect(inner, context) != "none" or inner.get("undo"):
        message = f"{name} inside has an effect: what it did cannot be answered from a cache"
        findings.add("cache_with_effect", message, **where)
    elif kind in _OTHERS or inner.get("approval") or inner.get("review"):
        what = _OTHERS.get(kind, "what people answer")
        message = f"{what} is not used again ({name} inside): set the cache on the other steps"
        findings.add("cache_of_others", message, **where)


def _retry(place: Place, context: CheckContext, findings: Findings) -> None:
    """A body is tried again whole: what it did is undone first, where it can be."""
    if not place.spec.get("retry") or place.spec.get("kind") not in _BOXES:
        return
    for inner in _inside(place.spec.get("with")):
        if _effect(inner, context) != "none" and not _has_undo(inner, context):
            name = inner.get("id") or inner["kind"]
            findings.add(
                "retry_repeats_effect",
                f"a new try of {place.id} runs {name} again, which has an effect and no undo",
                pointer=f"{place.pointer}/retry",
                step=place.path,
                severity="warning",
            )


def _effect(spec: Mapping[str, JSON], context: CheckContext) -> str:
    """Give what a step says it may change, else what its tool does; none where nobody knows."""
    if isinstance(spec.get("effect"), str):
        return str(spec["effect"])
    settings = spec.get("with")
    name = settings.get("tool") if isinstance(settings, Mapping) else None
    if spec.get("kind") != "tool" or context.tools is None or not isinstance(name, str):
        return "none"
    found = context.tools.get(name)
    return found.effect if found is not None else "none"


def _has_undo(spec: Mapping[str, JSON], context: CheckContext) -> bool:
    settings = spec.get("with")
    name = settings.get("tool") if isinstance(settings, Mapping) else None
    found = (context.tools or {}).get(name) if isinstance(name, str) else None
    return bool(spec.get("undo")) or (found is not None and found.has_undo)


def _inside(value: JSON) -> Iterator[Mapping[str, JSON]]:
    """Give every step inside some settings, at any depth."""
    if isinstance(value, list):
        for item in value:
            yield from _inside(item)
    elif isinstance(value, Mapping):
        if isinstance(value.get("kind"), str) and ("id" in value or "with" in value):
            yield value
        for key, item in value.items():
            if key not in ("approval", "review", "guardrails", "input", "output", "layout"):
                yield from _inside(item)
