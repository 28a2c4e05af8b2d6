"""The sample tools: deterministic, and acting once for each key."""

import json
import time
from typing import Any

import pytest

from workflows_app.agents.tools import ToolCall, ToolError, python_tools
from workflows_app.core.states import Effect
from workflows_app.gallery import tools as gallery_tools
from workflows_app.gallery.models import SampleEffect


def context(key: str) -> ToolCall:
    return ToolCall(
        key=key,
        run_id="run",
        path="step",
        workspace_id="workspace",
        actor="user:ada",
        deadline=time.monotonic() + 60,
        is_cancelled=lambda: False,
    )


def call(name: str, arguments: dict[str, Any], key: str = "k1") -> Any:
    return python_tools()[name].call(arguments, context(key))


def samples() -> dict[str, Any]:
    package = gallery_tools.__name__
    return {n: t for n, t in python_tools().items() if t.function.__module__.startswith(package)}


def test_every_sample_tool_describes_itself_and_what_it_gives():
    for name, found in samples().items():
        assert found.spec.description, name
        assert found.spec.output.get("properties"), name


def test_every_effect_can_be_repeated_and_every_undo_is_a_sample_tool():
    for name, found in samples().items():
        if found.effect is Effect.NONE:
            continue
        assert found.is_idempotent, name
        if found.undo:
            undo = samples()[found.undo["tool"]]
            assert set(found.undo["arguments"]) == set(undo.spec.input["properties"]), name
            assert "id" in found.spec.output["properties"], name


@pytest.mark.django_db
def test_a_repeat_with_the_same_key_acts_once():
    arguments = {"payment": "P-7003", "amount": 100.5, "reason": "charged twice"}

    first = call("payments.refund", arguments)
    again = call("payments.refund", arguments)

    assert first == again
    assert SampleEffect.objects.get().arguments == arguments


@pytest.mark.django_db
def test_a_refund_shows_in_the_history_until_it_is_reversed():
    refund = call("payments.refund", {"payment": "P-7104", "amount": 45, "reason": "broken"})
    assert call("payments.history", {"customer": "C-1002"})["payments"][0]["refunded"] == 45

    call("payments.reverse", {"id": refund["id"]}, key="k2")

    assert call("payments.history", {"customer": "C-1002"})["payments"][0]["refunded"] == 0


@pytest.mark.django_db
def test_a_refund_beyond_the_payment_is_refused_and_changes_nothing():
    with pytest.raises(ToolError) as refused:
        call("payments.refund", {"payment": "P-7104", "amount": 46, "reason": "broken"})

    assert refused.value.code == "amount_refused"
    assert not SampleEffect.objects.exists()


@pytest.mark.django_db
def test_a_changed_customer_is_restored():
    change = call("crm.update", {"customer": "C-1001", "field": "email", "value": "new@x.org"})
    assert call("crm.lookup", {"customer": "C-1001"})["email"] == "new@x.org"

    call("crm.restore", {"id": change["id"]}, key="k2")

    assert call("crm.lookup", {"customer": "C-1001"})["email"] == "mira@example.org"


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("payments.charge", {"order": "O-1", "amount": 10_001}, "card_declined"),
        ("shipping.book", {"order": "O-1", "address": "nowhere"}, "no_such_address"),
        ("loyalty.balance", {"customer": "C-1003"}, "not_a_member"),
        ("quotes.ask", {"supplier": "east", "item": "desk", "quantity": 1}, "no_quote"),
        ("rates.market", {"base": "EUR", "quote": "ISK"}, "no_rate"),
    ],
)
def test_what_cannot_be_done_says_why(name, arguments, code):
    with pytest.raises(ToolError) as refused:
        call(name, arguments)

    assert refused.value.code == code


def test_results_are_plain_json():
    result = call("samples.group_by", {"items": [{"label": "a", "text": "t"}], "field": "label"})

    assert json.loads(json.dumps(result)) == result
    assert result["groups"] == [{"key": "a", "count": 1, "share": 1.0, "sample": ["t"]}]
