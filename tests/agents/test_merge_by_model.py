"""A merge by a model: what branches agree on stays, and the model chooses where they differ."""

import pytest

from tests.engine_harness import run_make, until, version_make, worker_running
from tests.fake_anthropic import json_reply
from workflows_app.agents.steps.merge_by_model import MergeByModelKind
from workflows_app.core.kinds import Source, StepError
from workflows_app.models import Run, StepRun

pytestmark = pytest.mark.django_db(transaction=True)
MERGE = MergeByModelKind()
SURE = {"name": "Mira", "city": "Bern", "confidence": 0.9}
UNSURE = {"name": "Mira", "city": "Basel", "plan": "pro", "confidence": 0.4}


def source(output=None, state="succeeded"):
    return Source(state=state, output=output, error=None, taken=state == "succeeded")


def merge(make_call, **outputs):
    sources = {step: source(output) for step, output in outputs.items()}
    settings = {"mode": "model", "model": "small", "prompt": "The register is newer."}
    return MERGE.run(make_call(settings, sources=sources))


def test_the_model_chooses_the_branch_of_each_field_that_differs(model, make_call):
    model.reply(json_reply({"field_1": "crm"}))

    done = merge(make_call, crm=UNSURE, register=SURE)

    assert done.output == {"name": "Mira", "city": "Basel", "plan": "pro", "confidence": 0.9}
    assert done.usage.input_tokens > 0
    assert done.details["settled"] == {"city": "crm"}
    asked = model.requests[0].body["messages"][0]["content"]
    assert "The register is newer." in asked
    assert "Basel" in asked


def test_without_a_conflict_nobody_is_asked(model, make_call):
    done = merge(make_call, crm={"a": 1, "confidence": 0.2}, register={"b": 2, "confidence": 0.3})

    assert done.output == {"a": 1, "b": 2, "confidence": 0.3}
    assert model.requests == []


def test_results_that_are_no_objects_are_chosen_whole(model, make_call):
    model.reply(json_reply({"field_1": "b"}))

    assert merge(make_call, a="yes", b="no").output == "no"


def test_an_answer_beside_the_branches_is_refused(model, make_call):
    model.reply(json_reply({"field_1": "nobody"}), json_reply({"field_1": "nobody"}))

    with pytest.raises(StepError) as caught:
        merge(make_call, crm=UNSURE, register=SURE)

    assert caught.value.code == "output_invalid"


def test_where_all_failed_it_says_so(make_call):
    sources = {"a": source(state="failed")}
    with pytest.raises(StepError) as caught:
        MERGE.run(make_call({"mode": "model", "model": "small"}, sources=sources))

    assert caught.value.code == "all_failed"


def test_a_run_settles_a_conflict_in_favour_of_the_higher_confidence():
    tracks = [
        {"id": name, "kind": "transform", "with": {"value": value}}
        for name, value in (("crm", UNSURE), ("register", SURE))
    ]
    merged = {"id": "m", "kind": "merge", "with": {"mode": "model", "model": "small"}}
    version = version_make(
        [*tracks, merged], [{"from": "crm", "to": "m"}, {"from": "register", "to": "m"}]
    )
    with worker_running():
        run = run_make(version, mode="rehearsal")
        until(lambda: Run.objects.get(pk=run.pk).finished_at is not None)

    assert Run.objects.get(pk=run.pk).state == "succeeded"
    output = StepRun.objects.get(run=run, step="m").output
    assert (output["city"], output["plan"]) == ("Bern", "pro")
