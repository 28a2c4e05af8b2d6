"""Definitions for the tests of the builder."""

from typing import Any

from workflows_app.builder.palette import palette

START: dict[str, Any] = {
    "format": 1,
    "name": "Refund",
    "input": {"type": "object", "properties": {"amount": {"type": "number"}}},
    "steps": [
        {"id": "classify", "kind": "router", "with": {"model": "small", "labels": ["refund"],
         "prompt": "Label {{ input }}"}},
        {"id": "draft", "kind": "transform", "name": "Draft", "with": {"value": "=input.amount"}},
    ],
    "edges": [{"from": "classify.refund", "to": "draft"}],
    "layout": {"classify": [0, 0]},
}  # fmt: skip


def every_kind() -> dict[str, Any]:
    """Give a definition with a step of each kind of the palette, as the canvas adds them."""
    entries = [entry for group in palette() for entry in group["kinds"]]
    steps = [
        {"id": f"s_{entry['kind']}", "kind": entry["kind"], "with": entry["with"]}
        for entry in entries
    ]
    layout = {step["id"]: [0, 100 * place] for place, step in enumerate(steps)}
    chained = [step["id"] for step in steps if step["kind"] != "end"]
    following = [*chained[1:], "s_end"]
    edges = [{"from": one, "to": other} for one, other in zip(chained, following, strict=True)]
    return {"format": 1, "name": "All", "steps": steps, "edges": edges, "layout": layout}


def everything(step: dict[str, Any]) -> dict[str, Any]:
    """Give `every_kind` where each step carries what `step` carries beside its kind.

    Each container of steps holds one more step, which carries it too.
    """
    carried = {name: value for name, value in step.items() if name not in ("id", "kind", "with")}
    found = every_kind()
    for one in found["steps"]:
        body = one["with"].get("body")
        if isinstance(body, dict):
            inside = {"id": f"{one['id']}_in", "kind": "transform", "with": {"value": 1}}
            body["steps"] = [*body.get("steps", []), {**inside, **carried}]
            body["layout"] = {inside["id"]: [0, 0]}
        one.update(carried)
    return found
