"""The page of a checkpoint: its state so far, the next steps, and how those may be changed."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from approvals_app.core import shown
from approvals_app.models import ApprovalRequest
from approvals_app.selectors.surroundings import done_steps, next_steps
from workflows_app.core.strict_json import JsonRefused, strict_loads
from workflows_app.errors import Invalid

JSON = Any
LONGEST = 2_000  # characters of an output shown here; the run's page has all of it
SKIP, SET = "skip", "set:"


def plan_shown(
    request: ApprovalRequest, posted: Mapping[str, str] | None = None
) -> dict[str, list[dict[str, JSON]]]:
    """Give what was done and what comes next, with the settings as JSON to change them."""
    written = posted or {}
    skipped: list[str] = getattr(posted, "getlist", lambda _: [])(SKIP)
    return {
        "done": [
            {
                "step": row.step,
                "state": row.state,
                "reason": row.reason,
                "rows": shown.rows(row.output)[:20] if row.output not in (None, {}, []) else [],
            }
            for row in done_steps(request)
        ],
        "next": [
            {
                **step,
                "json": written.get(SET + step["id"], settings_text(step["with"])),
                "skips": step["id"] in skipped,
            }
            for step in next_steps(request)
        ],
    }


def settings_text(settings: JSON) -> str:
    """Give settings as the text that a person changes."""
    return json.dumps(settings, ensure_ascii=False, indent=2)


def changes_read(request: ApprovalRequest, posted: Any) -> dict[str, JSON]:
    """Give the change that a form asks for: steps to pass over, and settings that differ.

    Raises:
        Invalid: a text is not JSON, or nothing was changed.
    """
    steps = {step["id"]: step for step in next_steps(request)}
    skips = [name for name in posted.getlist(SKIP) if name in steps]
    sets = {}
    for name, step in steps.items():
        text = posted.get(SET + name)
        if text is None or name in skips:
            continue
        try:
            value = strict_loads(text)
        except JsonRefused as refused:
            problem = {"code": refused.code, "pointer": f"/changes/set/{name}"}
            raise Invalid(
                f"The settings of {name} are not JSON.",
                problems=[{**problem, "message": refused.message}],
            ) from refused
        if value != step["with"]:
            sets[name] = value
    changes = {key: value for key, value in (("skip", skips), ("set", sets)) if value}
    if not changes:
        raise Invalid("Nothing was changed: skip a step, or change its settings.")
    return changes


def changes_diff(request: ApprovalRequest, changes: Mapping[str, JSON]) -> list[shown.Row]:
    """Give the changed steps as a diff of what each would do."""
    steps = {step["id"]: step["with"] for step in next_steps(request)}
    sets, skips = changes.get("set") or {}, changes.get("skip") or ()
    touched: Sequence[str] = [name for name in steps if name in sets or name in skips]
    before = {name: steps[name] for name in touched}
    after = {name: "passed over" if name in skips else sets[name] for name in touched}
    return [row for row in shown.diff(before, after) if row.sign]


def changes_number(changes: Mapping[str, JSON]) -> int:
    """Give how many steps a change touches."""
    return len(set(changes.get("skip") or ()) | set(changes.get("set") or {}))
