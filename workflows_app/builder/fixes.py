"""Offer the one obvious way to put a problem right, as changes of the draft."""

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from workflows_app.builder import fixes_names
from workflows_app.builder.forms.starts import unique
from workflows_app.builder.locate import keys_of, value_at
from workflows_app.core.definition import CheckContext
from workflows_app.core.definition.changes import (
    ABSENT,
    DraftChange,
    changes_between,
    json_copy,
)
from workflows_app.core.definition.ports import ports_of
from workflows_app.core.expressions.compile import compile_expression
from workflows_app.core.expressions.problems import ExpressionProblem
from workflows_app.core.expressions.rendering import ALWAYS
from workflows_app.core.expressions.templates import compile_value

JSON = Any
Document = dict[str, JSON]
Problem = Mapping[str, JSON]
# An integer that is no part of a name, a text, an index or a double.
_INTEGER = re.compile(r"(?<![\w.\"'\[])\d+(?![\w.\]\"'])")
# Gives the words of the fix and changes the copy of the draft, or gives nothing.
Fixer = Callable[[Document, tuple[str, ...], Problem, CheckContext], str | None]


def fix_label(draft: Mapping[str, JSON], problem: Problem, context: CheckContext) -> str | None:
    """Give the words of a problem's fix, or None where a person has to think."""
    found = _fixed(draft, problem, context)
    return found[0] if found is not None else None


def fix_find(
    draft: Mapping[str, JSON], problem: Problem, context: CheckContext
) -> tuple[str, list[DraftChange]] | None:
    """Give the words of a problem's fix and its changes."""
    found = _fixed(draft, problem, context)
    return (found[0], changes_between(draft, found[1])) if found is not None else None


def _fixed(
    draft: Mapping[str, JSON], problem: Problem, context: CheckContext
) -> tuple[str, Document] | None:
    """Give the words of a problem's fix, and the draft without the problem."""
    fixer = _FIXERS.get(str(problem["code"]))
    if fixer is None or not isinstance(draft, Mapping):
        return None
    made = json_copy(draft)
    label = fixer(made, keys_of(problem["pointer"]), problem, context)
    return (label, made) if label and made != draft else None


def _integer(draft: Document, keys: tuple[str, ...], problem: Problem, _: CheckContext) -> str:
    """Write one integer of the expression as a double, the one after which it compiles."""
    text = value_at(draft, keys)
    if not isinstance(text, str) or "doubles" not in problem["message"]:
        return ""
    for found in _INTEGER.finditer(text):
        made = f"{text[: found.end()]}.0{text[found.end() :]}"
        if _compiles(made):
            _put(draft, keys, made)
            return f"Write {found[0]}.0"
    made = _INTEGER.sub(lambda found: f"{found[0]}.0", text)
    if made != text and _compiles(made):
        _put(draft, keys, made)
        return "Write them as doubles"
    return ""


def _compiles(text: str) -> bool:
    """Tell whether a value or a condition compiles, whatever it names."""
    is_value = text.startswith("=") or "{{" in text
    try:
        if is_value:
            compile_value(text, ALWAYS)
        else:
            compile_expression(text, ALWAYS)
    except ExpressionProblem:
        return False
    return True


def _bare(draft: Document, keys: tuple[str, ...], problem: Problem, _: CheckContext) -> str:
    text = value_at(draft, keys)
    if "leave the = away" not in problem["message"] or not isinstance(text, str):
        return ""
    _put(draft, keys, text.lstrip("="))
    return "Leave the = away"


def _port(draft: Document, keys: tuple[str, ...], problem: Problem, _: CheckContext) -> str:
    edge = value_at(draft, keys[:-1])
    body = value_at(draft, keys[:-3])
    if not isinstance(edge, dict) or keys[-3] != "edges":
        return ""
    step, _dot, port = str(edge.get("from", "")).partition(".")
    known = [name for name in ports_of(_step(body, step) or {}) if name not in ("done", "error")]
    close = get_close_matches(port, known, n=1, cutoff=0.6)
    if not close:
        return _no_edge(draft, keys, problem, _)
    edge["from"] = f"{step}.{close[0]}"
    return f"Use {close[0]}"


def _no_edge(draft: Document, keys: tuple[str, ...], problem: Problem, _: CheckContext) -> str:
    place = keys.index("edges") if "edges" in keys else -1
    while "edges" in keys[place + 1 :]:
        place = keys.index("edges", place + 1)
    edges = value_at(draft, keys[: place + 1])
    if place < 0 or not isinstance(edges, list):
        return ""
    del edges[int(keys[place + 1])]
    return "Remove the connection"


def _no_field(draft: Document, keys: tuple[str, ...], problem: Problem, _: CheckContext) -> str:
    holder = value_at(draft, keys[:-1])
    if not isinstance(holder, dict) or keys[-1] not in holder:
        return ""
    del holder[keys[-1]]
    return f"Remove {keys[-1]}"


def _limit(draft: Document, keys: tuple[str, ...], problem: Problem, _: CheckContext) -> str:
    _put(draft, keys, 10)
    return "Set a limit of 10"


def _quorum(draft: Document, keys: tuple[str, ...], problem: Problem, _: CheckContext) -> str:
    found = re.search(r"by (\d+) edges", problem["message"])
    count = int(found[1]) if found else 0
    if count < 1:
        return _no_join(draft, keys, problem, _)
    _put(draft, keys, {"quorum": count})
    return f"Wait for {count}"


def _no_join(draft: Document, keys: tuple[str, ...], problem: Problem, _: CheckContext) -> str:
    step = value_at(draft, keys[:-1])
    step.pop("join", None)
    return "Wait for all"


def _timeout_path(
    draft: Document, keys: tuple[str, ...], problem: Problem, context: CheckContext
) -> str:
    """Lead `expired` to an end that says so."""
    step, body = value_at(draft, keys), value_at(draft, keys[:-2])
    if not isinstance(step, dict) or not isinstance(body, dict) or keys[-2] != "steps":
        return ""
    taken = {str(one.get("id")) for one in body["steps"] if isinstance(one, dict)}
    name = unique(f"{step['id']}_late", taken)
    value = "Nobody answered in time." if step.get("kind") != "wait" else "Nothing came in time."
    outcome = {"outcome": "error", "value": value}
    body["steps"].append({"id": name, "kind": "end", "with": outcome})
    edges = body.setdefault("edges", [])
    if isinstance(edges, list):
        edges.append({"from": f"{step['id']}.expired", "to": name})
    at = value_at(body, ["layout", str(step["id"])])
    if isinstance(at, list) and len(at) == 2 and all(isinstance(one, int | float) for one in at):
        body["layout"][name] = [at[0] + 260, at[1] + 90]
    return "Lead expired to an end"


def _gate(draft: Document, keys: tuple[str, ...], problem: Problem, context: CheckContext) -> str:
    step = value_at(draft, keys)
    people = _people(context)
    if not isinstance(step, dict) or not people:
        return ""
    step["approval"] = {"assignees": people, "deadline": "24h"}
    return f"Ask {people[0].partition(':')[2]} before"


def _agent_gate(
    draft: Document, keys: tuple[str, ...], problem: Problem, context: CheckContext
) -> str:
    tools, people = value_at(draft, keys[:-1]), _people(context)
    if not isinstance(tools, list) or not people:
        return ""
    entry = tools[int(keys[-1])]
    held = entry if isinstance(entry, dict) else {"tool": entry}
    tools[int(keys[-1])] = {**held, "approval": {"assignees": people, "deadline": "24h"}}
    return f"Ask {people[0].partition(':')[2]} before each call"


def _asked(draft: Document, keys: tuple[str, ...], problem: Problem, context: CheckContext) -> str:
    people = _people(context)
    if not people:
        return ""
    _put(draft, keys, people)
    return f"Ask {people[0].partition(':')[2]}"


def _mapped(draft: Document, keys: tuple[str, ...], problem: Problem, _: CheckContext) -> str:
    """Map a missing input from the workflow's own field of that name."""
    found = re.search(r" needs (\w+), which is not given", problem["message"])
    schema = draft.get("input")
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if found is None or not isinstance(properties, dict) or found[1] not in properties:
        return ""
    given = value_at(draft, keys)
    if given is not ABSENT and not isinstance(given, dict):
        return ""
    held = given if isinstance(given, dict) else {}
    _put(draft, keys, {**held, found[1]: f"=input.{found[1]}"})
    return f"Take input.{found[1]}"


def _model(draft: Document, keys: tuple[str, ...], problem: Problem, context: CheckContext) -> str:
    known = sorted(context.models or ())
    if not known:
        return ""
    wanted = str(value_at(draft, keys))
    chosen = (get_close_matches(wanted, known, n=1) or known[:1])[0]
    _put(draft, keys, chosen)
    return f"Use {chosen}"


def _people(context: CheckContext) -> list[str]:
    named = sorted(name for name, people in (context.groups or {}).items() if people)
    return [f"group:{named[0]}"] if named else []


def _put(draft: Document, keys: tuple[str, ...], value: JSON) -> None:
    holder = value_at(draft, keys[:-1])
    if isinstance(holder, list):
        holder[int(keys[-1])] = value
    elif isinstance(holder, dict):
        holder[keys[-1]] = value


def _step(body: JSON, name: str) -> Mapping[str, JSON] | None:
    steps = body.get("steps") if isinstance(body, Mapping) else None
    for step in steps if isinstance(steps, list) else ():
        if isinstance(step, Mapping) and step.get("id") == name:
            return step
    return None


_FIXERS: dict[str, Fixer] = {
    "expression_integer": _integer,
    "expression_type": _integer,
    "expression_syntax": _bare,
    "unknown_port": _port,
    "unknown_step": _no_edge,
    "duplicate_edge": _no_edge,
    "unknown_field": _no_field,
    "unknown_input": _no_field,
    "unbounded_loop": _limit,
    "quorum_too_large": _quorum,
    "join_single_edge": _no_join,
    "no_timeout_path": _timeout_path,
    "ungated_effect": _gate,
    "ungated_agent_tool": _agent_gate,
    "empty_assignees": _asked,
    "unmapped_input": _mapped,
    "unknown_model": _model,
    "idempotent_box": _no_field,
    "cache_with_effect": _no_field,
    "cache_of_others": _no_field,
    "unknown_tool": fixes_names.tool_near,
    "unknown_workflow": fixes_names.workflow_near,
    "unknown_calendar": fixes_names.calendar_near,
    "unknown_user": fixes_names.person_near,
    "unknown_group": fixes_names.group_near,
    "empty_group": fixes_names.group_near,
    "need_too_large": fixes_names.need_lowered,
    "duplicate_id": fixes_names.step_renamed,
    "missing_join": fixes_names.branches_joined,
}
