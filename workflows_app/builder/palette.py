"""The palette: every kind of step that the engine has, in words for people."""

from collections.abc import Mapping
from typing import Any

from workflows_app.core.definition import CheckContext
from workflows_app.core.definition.ports import BODIES, ports_of
from workflows_app.core.kinds import Kind, kinds
from workflows_app.views.looks import KIND_LOOKS, humanise

JSON = Any
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Work", ("agent", "tool", "model", "guard", "workflow")),
    ("Flow", ("decision", "map", "state_machine")),
    ("People", ("approval", "escalation")),
    ("Waiting", ("wait", "delay")),
    ("Safety", ("checkpoint",)),
    (
        "More",
        (
            "router", "loop", "group", "fallback", "consensus", "plan", "supervisor",
            "transform", "merge", "publish", "end",
        ),
    ),
)  # fmt: skip
# Words that stand for several steps, or for a setting: the browser knows each `action`.
ACTIONS: dict[str, tuple[dict[str, JSON], ...]] = {
    "Flow": (
        {
            "action": "insert",
            "label": "Parallel",
            "icon": "git-branch",
            "hint": "Draws branches that run at once, and the merge that joins them.",
            "steps": [
                {"id": "branch_1", "kind": "transform", "with": {"value": "=input"}},
                {"id": "branch_2", "kind": "transform", "with": {"value": "=input"}},
                {"id": "merge", "kind": "merge", "with": {"mode": "object"}},
            ],
            "edges": [
                {"from": "branch_1", "to": "merge"},
                {"from": "branch_2", "to": "merge"},
            ],
            "entries": ["branch_1", "branch_2"],
            "exit": "merge",
        },
    ),
    "Waiting": (
        {
            "action": "triggers",
            "label": "Trigger",
            "icon": "webhook",
            "hint": "What starts the workflow by itself: an event, a time or a webhook.",
        },
    ),
    "Safety": (
        {
            "action": "undo",
            "label": "Compensation",
            "icon": "undo-2",
            "hint": "Sets what reverses the selected step.",
        },
    ),
}


def palette(context: CheckContext | None = None) -> list[dict[str, JSON]]:
    """Give the groups, each with its kinds and actions.

    Args:
        context: what the workspace has; names in the defaults are taken from it.
    """
    known = {name: kind for name, kind in kinds().items() if is_offered(kind)}
    placed = {name for _, names in GROUPS for name in names}
    others = tuple(name for name in known if name not in placed)
    facts = context or CheckContext()
    return [
        {
            "group": group,
            "kinds": [
                _entry(known[name], facts)
                for name in (*names, *(others if group == "More" else ()))
                if name in known
            ],
            "actions": list(ACTIONS.get(group, ())),
        }
        for group, names in GROUPS
    ]


def is_offered(kind: Kind) -> bool:
    """Tell whether people may use the kind in a definition."""
    return not kind.is_hidden and getattr(kind, "is_available", True)


def label_of(kind: str) -> str:
    """Give the name of a kind for people."""
    known = kinds().get(kind)
    look = KIND_LOOKS.get(kind)
    if look is not None:
        return look[1]
    return (known.label if known is not None else "") or humanise(kind)


def _entry(kind: Kind, facts: CheckContext) -> dict[str, JSON]:
    icon, _, shape = KIND_LOOKS.get(kind.name, ("box", "", "card"))
    settings = defaults_of(kind.name, facts)
    return {
        "kind": kind.name,
        "label": label_of(kind.name),
        "icon": icon,
        "hint": kind.summary,
        "ports": ports_of({"kind": kind.name, "with": settings}),
        "bodies": [dict(part) for part in BODIES.get(kind.name, ())],
        "with": settings,
        "shape": shape,
    }


def defaults_of(kind: str, facts: CheckContext) -> dict[str, JSON]:
    """Give the settings of a new step, as near to valid as can be without asking."""
    model = _role(facts.models, "large")
    small = _role(facts.models, "small")
    people = _group(facts.groups)
    worker = {"kind": "model", "with": {"model": small, "prompt": "Do this: {{ input }}"}}
    given = {"kind": "transform", "with": {"value": "=input"}}
    found: Mapping[str, dict[str, JSON]] = {
        "agent": {"model": model, "prompt": "Describe the task here.\n\n{{ input }}"},
        "model": {"model": small, "prompt": "Describe the task here.\n\n{{ input }}"},
        "router": {"model": small, "labels": ["first", "second"], "prompt": "Label: {{ input }}"},
        "tool": {"tool": "", "arguments": {}},
        "guard": {"checks": [{"check": "personal_data", "on_trip": "redact"}], "value": "=input"},
        "workflow": {"slug": "", "input": "=input"},
        "decision": {"branches": [{"port": "yes", "when": "true"}], "mode": "first"},
        "map": {"items": "=input.items", "body": {"steps": [], "edges": []}},
        "group": {"body": {"steps": [], "edges": []}},
        "loop": {
            "body": {"steps": [], "edges": []},
            "until": "iteration >= 2",
            "limit": 10,
        },
        "state_machine": {
            "initial": "open",
            "states": {"open": {}, "closed": {"terminal": True}},
            "transitions": [{"trigger": "close", "from": "open", "to": "closed"}],
        },
        "approval": {"summary": "Please decide", "assignees": people, "deadline": "24h"},
        "checkpoint": {"summary": "Please look", "assignees": people, "deadline": "24h"},
        "escalation": {
            "tiers": [
                {"name": "first", "step": worker, "escalate_when": "output == null"},
                {"name": "second", "step": worker},
            ]
        },
        "wait": {"event": "something.happened", "timeout": "7d"},
        "delay": {"for": "1h"},
        "fallback": {"options": [worker, given]},
        "consensus": {"members": [worker, worker], "agree": 2},
        "plan": {"model": model, "prompt": "Plan this: {{ input }}", "workers": {"worker": worker}},
        "supervisor": {
            "model": model,
            "prompt": "Split this: {{ input }}",
            "workers": {"worker": {"step": worker}},
        },
        "transform": {"value": "=input"},
        "merge": {"mode": "object"},
        "publish": {"type": "something.happened", "data": "=input"},
        "end": {"outcome": "done"},
    }
    return found.get(kind, {})


def _role(models: frozenset[str] | None, wanted: str) -> str:
    if not models or wanted in models:
        return wanted
    return min(models)


def _group(groups: Mapping[str, frozenset[str]] | None) -> list[str]:
    named = sorted(name for name, people in (groups or {}).items() if people)
    return [f"group:{named[0]}"] if named else []
