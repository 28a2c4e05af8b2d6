"""What the engine's own leaf kinds give."""

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from workflows_app.core.expand import step_expand
from workflows_app.core.expressions import compile_condition
from workflows_app.core.expressions.rendering import ALWAYS
from workflows_app.core.kinds import Call, Source, StepError, kind_get
from workflows_app.steps import merge

ZERO = UUID(int=0)


def call(settings=None, sources=None, **values):
    """Give a call as the engine makes it."""

    def evaluate(source, **more):
        return compile_condition(source, ALWAYS).evaluate({**values, **more})

    return Call(
        run_id=ZERO,
        step_run_id=ZERO,
        workspace_id=ZERO,
        path="x",
        generation=0,
        attempt=1,
        key="k",
        mode="live",
        uses_stand_in=False,
        settings=settings or {},
        pins={},
        sources=sources or {},
        evaluate=evaluate,
        deadline=time.monotonic() + 10,
        is_cancelled=lambda: False,
        actor="user:ann",
    )


def source(state="succeeded", taken=True, output=None, error=None):
    return Source(state=state, taken=taken, output=output, error=error)


def run(kind, settings=None, sources=None, **values):
    return kind_get(kind).run(call(settings, sources, **values))


FAILED = source("failed", taken=False, error={"code": "x", "message": "broken"})
SKIPPED = source("skipped", taken=False)


def test_transform_gives_its_value():
    assert run("transform", {"value": {"a": [1]}}).output == {"a": [1]}


def test_end_names_its_outcome():
    done = run("end", {"outcome": "late", "value": 5})

    assert (done.port, done.output) == ("late", 5)
    assert run("end").port == "done"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {"a": 1, "c": 3}),
        ({"mode": "object"}, {"a": 1, "c": 3}),
        ({"mode": "list"}, [1, 3]),
        ({"mode": "value", "value": "v"}, "v"),
    ],
)
def test_merge_holds_the_branches_that_were_taken(settings, expected):
    sources = {"a": source(output=1), "b": FAILED, "c": source(output=3)}

    assert run("merge", settings, sources).output == expected


@pytest.mark.parametrize(
    "sources",
    [
        {"a": FAILED, "b": FAILED},
        {"a": FAILED, "b": SKIPPED},
        {"a": source("failed", taken=True)},  # optional: it failed, and took `done`
        {"a": FAILED, "b": source("skipped", taken=True)},
    ],
)
def test_merge_fails_where_none_succeeded_and_one_failed(sources):
    with pytest.raises(StepError) as caught:
        run("merge", {}, sources)

    assert caught.value.code == "all_failed"


def test_merge_of_skipped_branches_alone_is_no_failure():
    assert run("merge", {}, {"a": source("skipped")}).output == {"a": None}


def test_merge_by_model_runs_as_the_kind_that_asks_one():
    settings = {"mode": "model", "model": "small"}
    expanded = step_expand({"id": "m", "kind": "merge", "with": settings})

    assert expanded["kind"] == merge.BY_MODEL
    assert expanded["origin"] == {"kind": "merge", "with": settings}
    assert step_expand({"id": "m", "kind": "merge", "with": {}})["kind"] == "merge"


BRANCHES = [
    {"port": "low", "when": "input.n < 10.0"},
    {"port": "even", "when": "int(input.n) % 2 == 0"},
    {"port": "high", "when": "input.n > 100.0"},
]


@pytest.mark.parametrize(
    ("n", "mode", "ports", "asked"),
    [
        (4, "first", ["low"], 1),
        (50, "first", ["even"], 2),
        (51, "first", ["default"], 3),
        (4, "all", ["low", "even"], 3),
        (51, "all", ["default"], 3),
    ],
)
def test_decision_takes_what_holds_and_tells_what_it_asked(n, mode, ports, asked):
    done = run("decision", {"branches": BRANCHES, "mode": mode}, input={"n": n})

    assert done.output["ports"] == ports
    assert done.port == "+".join(ports)
    assert len(done.output["evaluated"]) == asked
    assert done.output["evaluated"][0] == {**BRANCHES[0], "result": n < 10}


def test_decision_fails_where_a_condition_has_no_answer():
    with pytest.raises(StepError) as caught:
        run("decision", {"branches": BRANCHES}, input={})

    assert caught.value.code == "expression_failed"


@pytest.mark.parametrize(
    ("settings", "until", "after"),
    [
        ({"for": "90s"}, None, timedelta(seconds=90)),
        ({"for": 2.5}, None, timedelta(seconds=2.5)),
        ({"at": "2026-01-05T09:00:00Z"}, datetime(2026, 1, 5, 9, tzinfo=UTC), None),
        ({"at": "2026-01-05"}, datetime(2026, 1, 5, tzinfo=UTC), None),
    ],
)
def test_delay_sets_a_timer(settings, until, after):
    suspended = run("delay", settings)

    assert (suspended.until, suspended.after) == (until, after)


@pytest.mark.parametrize("settings", [{"for": "soon"}, {"for": None}, {"for": -1}, {"at": 5}])
def test_delay_refuses_what_is_no_time(settings):
    with pytest.raises(StepError) as caught:
        run("delay", settings)

    assert caught.value.code == "bad_delay"


def test_take_names_the_option_that_answered():
    sources = {"a": FAILED, "b": source(output=7)}

    assert run("take", {}, sources).output == {"source": "b", "output": 7}


VOTES = {"a": source(output={"x": 1}), "b": source(output={"x": 1.0}), "c": source(output=2)}


@pytest.mark.parametrize(
    ("agree", "port", "answer"),
    [
        (2, "done", {"x": 1}),
        (3, "disagreed", None),
        ("votes.exists(v, v.output == 2)", "done", {"x": 1}),
        ("votes.all(v, v.output == 2)", "disagreed", None),
    ],
)
def test_tally_counts_equal_answers(agree, port, answer):
    done = run("tally", {"agree": agree}, VOTES)

    assert (done.port, done.output["answer"]) == (port, answer)
    assert [vote["member"] for vote in done.output["votes"]] == ["a", "b", "c"]


def test_tally_leaves_out_members_that_failed():
    with pytest.raises(StepError) as caught:
        run("tally", {"agree": 1}, {"a": source("failed", taken=True)})

    assert caught.value.code == "all_failed"


CASE = {
    "tier": "bot",
    "attempts": [],
    "opened_at": "2026-01-05T09:00:00Z",
    "output": {"sure": 0.4},
    "error": None,
    "state": "succeeded",
}


def test_a_tier_that_resolves_the_case_ends_it():
    done = run("hand_on", {**CASE, "escalate_when": "output.sure < 0.3"})

    assert done.port == "done"
    assert set(done.output) == {"tier", "output", "attempts"}
    (attempt,) = done.output["attempts"]
    assert set(attempt) == {"tier", "output", "error", "at"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"escalate_when": "output.sure < 0.5"}, "its criterion is met"),
        ({"escalate_when": "elapsed > 60.0 && size(attempts) == 1"}, "its criterion is met"),
        ({"escalate_when": "output.missing > 1.0"}, "could not be judged"),
        ({"state": "failed", "error": {"code": "x", "message": "broken"}}, "broken"),
    ],
)
def test_a_criterion_or_an_error_hands_the_case_on_with_a_summary(changes, told):
    done = run("hand_on", {**CASE, **changes})

    assert done.port == "escalate"
    assert told in done.output["summary"]
    assert "bot" in done.output["summary"]


def test_a_case_opens_with_no_attempts():
    assert run("hand_on").output["attempts"] == []
