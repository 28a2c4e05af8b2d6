"""The guarded reply: what its page says of its examples is what happens."""

import pytest

from tests.gallery.running import answer, end, example, pending, product_running, rest, start
from workflows_app.agents.steps.model import ModelKind
from workflows_app.core.kinds import Done
from workflows_app.models import Attempt, RunEvent

pytestmark = pytest.mark.django_db(transaction=True)


def saw(run):
    """Give what the checks of the guard saw."""
    attempt = Attempt.objects.get(step_run__run=run, step_run__path="screen")
    return [trip["saw"] for trip in attempt.details["guardrails"]]


def test_personal_data_is_redacted_before_the_model_sees_it(gallery):
    workflow = gallery("guarded-reply")
    with product_running():
        run = rest(start(workflow, example("guarded-reply"), mode="rehearsal"))

    assert run.state == "succeeded"
    assert "[card]" in run.output["reply"]
    assert "4111" not in run.output["reply"]
    assert saw(run) == ["holds card 1×, email 1×"]
    tripped = RunEvent.objects.get(run=run, type="guardrail.tripped")
    assert tripped.data["saw"] == "holds card 1×, email 1×"


def test_orders_in_the_text_are_not_followed(gallery):
    workflow = gallery("guarded-reply")
    with product_running():
        run = rest(start(workflow, example("guarded-reply", 1), mode="rehearsal"))

    assert (run.state, run.output["reply"]) == ("succeeded", None)
    assert run.output["refused"]["reason"] == "injection: reads as instructions to a model"


def test_an_unsure_reply_is_held_for_a_person(gallery, monkeypatch):
    unsure = {"reply": "Perhaps.", "confidence": 0.4}
    monkeypatch.setattr(ModelKind, "run", lambda self, call: Done(output=unsure))
    workflow = gallery("guarded-reply")
    with product_running():
        run = rest(start(workflow, example("guarded-reply"), mode="rehearsal"))
        tripped = RunEvent.objects.get(run=run, type="guardrail.tripped", path="reply")
        answer(pending(run)[0], by="owner")
        end(run)

    assert tripped.data["check"] == "confidence"
    assert tripped.data["saw"] == "0.4 is below 0.6"
    assert (run.state, run.output["reply"]) == ("succeeded", "Perhaps.")
