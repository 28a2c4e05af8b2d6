"""Fixes of names that nobody has, of counts that cannot be met, and of branches that never meet."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from workflows_app.builder.forms.starts import unique
from workflows_app.builder.locate import value_at
from workflows_app.core.definition import CheckContext

JSON = Any
Document = dict[str, JSON]
Problem = Mapping[str, JSON]


def tool_near(draft: Document, keys: tuple[str, ...], _: Problem, context: CheckContext) -> str:
    """Take the tool of nearly the same name."""
    return _near(draft, keys, (name for name, tool in (context.tools or {}).items()))


def workflow_near(draft: Document, keys: tuple[str, ...], _: Problem, context: CheckContext) -> str:
    """Take the published workflow of nearly the same name."""
    return _near(draft, keys, context.workflows or ())


def calendar_near(draft: Document, keys: tuple[str, ...], _: Problem, context: CheckContext) -> str:
    """Take the calendar of nearly the same name."""
    return _near(draft, keys, context.calendars or ())


def person_near(draft: Document, keys: tuple[str, ...], _: Problem, context: CheckContext) -> str:
    """Take the person of nearly the same name."""
    return _near(draft, keys, (f"user:{name}" for name in context.users or ()))


def group_near(draft: Document, keys: tuple[str, ...], _: Problem, context: CheckContext) -> str:
    """Take the group of nearly the same name that has members."""
    groups = (context.groups or {}).items()
    return _near(draft, keys, (f"group:{name}" for name, people in groups if people))


def need_lowered(draft: Document, keys: tuple[str, ...], problem: Problem, _: CheckContext) -> str:
    """Ask as many as there are."""
    found = re.search(r"only (\d+) may", problem["message"])
    gate = value_at(draft, keys[:-1])
    if found is None or int(found[1]) < 1 or not isinstance(gate, dict) or "need" not in gate:
        return ""
    gate["need"] = int(found[1])
    return f"Need {found[1]}"


def step_renamed(draft: Document, keys: tuple[str, ...], _: Problem, __: CheckContext) -> str:
    """Give the second step of a name another one; connections stay with the first."""
    step, steps = value_at(draft, keys[:-1]), value_at(draft, keys[:-2])
    if not isinstance(step, dict) or not isinstance(steps, list) or keys[-1] != "id":
        return ""
    taken = {str(one.get("id")) for one in steps if isinstance(one, dict)}
    step["id"] = unique(str(step["id"]), taken)
    return f"Call it {step['id']}"


def branches_joined(draft: Document, keys: tuple[str, ...], _: Problem, __: CheckContext) -> str:
    """Lead the last steps of the branches after a step into a merge."""
    step, body = value_at(draft, keys), value_at(draft, keys[:-2])
    if not isinstance(step, dict) or not isinstance(body, dict) or keys[-2:-1] != ("steps",):
        return ""
    steps = [one for one in body["steps"] if isinstance(one, dict)]
    edges = [one for one in body.get("edges") or () if isinstance(one, dict)]
    reached = _after(str(step.get("id")), edges)
    leads_on = {_source(edge) for edge in edges if _port(edge) == "done"}
    last = [
        str(one["id"])
        for one in steps
        if one.get("id") in reached and one["id"] not in leads_on and one.get("kind") != "end"
    ]
    if len(last) < 2:
        return ""
    name = unique("merge", {str(one.get("id")) for one in steps})
    body["steps"].append({"id": name, "kind": "merge", "with": {"mode": "object"}})
    body["edges"] = [*edges, *({"from": one, "to": name} for one in last)]
    return "Join them in a merge"


def _near(draft: Document, keys: tuple[str, ...], known: Iterable[str]) -> str:
    holder, wanted = value_at(draft, keys[:-1]), value_at(draft, keys)
    close = get_close_matches(wanted, list(known), n=1) if isinstance(wanted, str) else []
    if not close:
        return ""
    if isinstance(holder, list):
        holder[int(keys[-1])] = close[0]
    elif isinstance(holder, dict):
        holder[keys[-1]] = close[0]
    else:
        return ""
    return f"Use {close[0].partition(':')[2] or close[0]}"


def _after(step: str, edges: list[Document]) -> set[str]:
    """Give the steps that a step leads to, however far."""
    leads: dict[str, set[str]] = {}
    for edge in edges:
        leads.setdefault(_source(edge), set()).add(str(edge.get("to")))
    found: set[str] = set()
    ahead = [step]
    while ahead:
        targets = leads.get(ahead.pop(), set()) - found
        found |= targets
        ahead += targets
    return found


def _source(edge: Document) -> str:
    return str(edge.get("from")).partition(".")[0]


def _port(edge: Document) -> str:
    return str(edge.get("from")).partition(".")[2] or "done"
