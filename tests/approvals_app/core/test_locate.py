import pytest

from approvals_app.core.locate import gate_find, relaxed_gates, value_set

GATE = {"assignees": ["group:a"]}
ISSUE = {"id": "issue", "kind": "tool", "with": {"tool": "x"}, "approval": GATE}
TOOLS = ["orders.lookup", {"tool": "crm.refund", "approval": GATE}]
DOCUMENT = {
    "steps": [
        {"id": "plain", "kind": "tool", "with": {"tool": "x"}},
        ISSUE,
        {"id": "ask", "kind": "approval", "with": GATE},
        {"id": "each", "kind": "map", "with": {"items": [], "body": {"steps": [ISSUE]}}},
        {"id": "draft", "kind": "agent", "with": {"prompt": "x", "tools": TOOLS}},
        {
            "id": "order",
            "kind": "state_machine",
            "with": {"states": {"paid": {"entry": {"steps": [ISSUE], "edges": []}}}},
        },
    ],
    "edges": [],
}


@pytest.mark.parametrize(
    ("gate", "pointer"),
    [
        ("issue", ("steps", 1, "approval")),
        ("ask", ("steps", 2, "with")),
        ("each.issue", ("steps", 3, "with", "body", "steps", 0, "approval")),
        ("draft.turn.call(crm.refund)", ("steps", 4, "with", "tools", 1, "approval")),
        (
            "order.paid.issue",
            ("steps", 5, "with", "states", "paid", "entry", "steps", 0, "approval"),
        ),
    ],
)
def test_a_gate_is_found_wherever_it_stands(gate, pointer):
    assert gate_find(DOCUMENT, gate) == (pointer, GATE)


@pytest.mark.parametrize(
    "gate", ["", "plain", "nowhere", "each.nowhere", "draft.turn.call(orders.lookup)", "a..b"]
)
def test_what_is_no_gate_is_not_found(gate):
    assert gate_find(DOCUMENT, gate) is None


def test_a_changed_gate_leaves_the_rest_as_it_was():
    pointer, settings = gate_find(DOCUMENT, "each.issue")

    changed = value_set(DOCUMENT, pointer, {**settings, "relax": {"when": "true"}})

    assert gate_find(changed, "each.issue")[1]["relax"] == {"when": "true"}
    assert gate_find(DOCUMENT, "each.issue")[1] == GATE
    assert changed["steps"][1] == DOCUMENT["steps"][1]
    assert [relax for _, relax in relaxed_gates(changed)] == [{"when": "true"}]
