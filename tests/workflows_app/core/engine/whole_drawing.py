"""Drawing workflows for the world that has all of it."""

from random import Random
from typing import Any

from tests.workflows_app.core.engine.rich_world import rich_body


def whole_body(chance: Random, depth: int = 0) -> dict[str, Any]:
    """Give a random workflow, nested to depth 4, with reviews and child runs in it."""
    body = rich_body(chance, depth) if chance.random() < 0.2 else _body(chance, depth)
    _enrich(chance, body)
    return {**body, "on_failure": chance.choice(["stop", "compensate"])}


def _body(chance: Random, depth: int) -> dict[str, Any]:
    """Give a body of more steps than others have, and of fewer ways to fail."""
    steps: list[dict[str, Any]] = []
    edges: list[dict[str, str]] = []
    for index in range(chance.randint(2, 7 - depth)):
        sources = [source for source in range(index) if chance.random() < 1.5 / index]
        ports = ["", "", "", "", ".error", ".rejected"]
        edges += [{"from": f"s{one}{chance.choice(ports)}", "to": f"s{index}"} for one in sources]
        steps.append(_step(chance, f"s{index}", len(sources), depth))
    return {"steps": steps, "edges": edges}


def _step(chance: Random, name: str, incoming: int, depth: int) -> dict[str, Any]:
    kinds = ["t_leaf"] * 5 + (["t_group", "t_map", "t_loop"] if depth < 3 else [])
    step: dict[str, Any] = {"id": name, "kind": chance.choice(kinds), "with": {}}
    if step["kind"] != "t_leaf":
        step["with"]["body"] = _body(chance, depth + 1)
    if step["kind"] == "t_map":
        many = {"count": chance.randint(1, 3), "concurrency": chance.randint(1, 2)}
        step["with"] |= {**many, "failures": chance.choice([0, 1, "50%"])}
    if step["kind"] == "t_loop":
        step["with"]["rounds"] = chance.randint(1, 3)
    if incoming > 1:
        step["join"] = chance.choice(["all", "any", {"quorum": chance.randint(1, incoming)}])
        step["rest"] = chance.choice(["cancel", "leave"])
    step["optional"] = chance.random() < 0.3
    if chance.random() < 0.1:
        step["until"] = [{"port": "late", "after": "1s"}, {"port": "stopped", "event": "x"}]
    if step["kind"] != "t_leaf" and chance.random() < 0.1:
        step["timeout"] = "5s"
    return step


_BOXES = ("t_group", "t_map", "t_loop", "t_machine", "t_child", "t_wait")


def _equip(chance: Random, step: dict[str, Any]) -> None:
    """Give a box or a wait a retry, an undo, a review or a guardrail of its own."""
    if chance.random() < 0.2:
        step["retry"] = {"attempts": chance.randint(1, 3)}
    if chance.random() < 0.2:
        step["undo"] = {"tool": "reverse"}
    if chance.random() < 0.15:
        mode = chance.choice(["after", "parallel"])
        step["review"] = {"mode": mode, "rework": chance.randint(0, 2)}
    if chance.random() < 0.1:
        step["guardrails"] = [{"check": "patterns"}]
    if step["kind"] == "t_wait" and chance.random() < 0.2:
        step["timeout"] = "5s"


def _enrich(chance: Random, body: Any) -> None:
    """Let leaves be reviewed, or be child runs, and boxes carry what any step may."""
    if isinstance(body, list):
        for part in body:
            _enrich(chance, part)
    elif isinstance(body, dict):
        if body.get("kind") == "t_leaf" and chance.random() < 0.35:
            mode = chance.choice(["after", "parallel", "parallel"])
            body["review"] = {"mode": mode, "rework": chance.randint(0, 2)}
        elif body.get("kind") == "t_leaf" and chance.random() < 0.15:
            body["kind"] = "t_child"
            body.pop("exclusive", None)
        if body.get("kind") in _BOXES:
            _equip(chance, body)
        for part in list(body.values()):
            _enrich(chance, part)
