"""Starting and reading runs over the API. No worker runs here: a started run stays queued."""

import base64

import pytest

from tests.api.callers import DOUBLE, Caller, assert_problem, caller_of, publish
from workflows_app.models import Run, RunEvent


@pytest.fixture
def double(api: Caller) -> str:
    publish(api)
    return "double"


def start(api: Caller, slug: str = "double", **headers: str):
    return api.post(f"workflows/{slug}/runs", {"input": {"n": 21}}, **headers)


def test_a_started_run_has_exactly_the_documented_members(api: Caller, double):
    answer = start(api)

    assert answer.status_code == 201
    run = answer.json()
    stored = Run.objects.get()
    assert run.pop("created_at").endswith("Z")
    assert run == {
        "id": str(stored.pk),
        "number": stored.number,
        "workflow": "double",
        "version": 1,
        "mode": "live",
        "state": "queued",
        "input": {"n": 21},
        "output": None,
        "error": None,
        "degraded": [],
        "usage": {"input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0},
        "parent": None,
        "actions": ["pause", "cancel"],
        "started_at": None,
        "finished_at": None,
    }
    assert (stored.started_by.username, stored.started_via) == ("owner", "api")


def test_a_service_starts_runs_as_nobody(service: Caller, double):
    start(service)

    run = Run.objects.get()
    assert run.started_by is None
    assert RunEvent.objects.get(run=run, type="run.queued").actor == "service:nightly"


def test_the_same_key_and_body_give_the_same_run(api: Caller, double):
    first = start(api, Idempotency_Key="order-1")
    second = start(api, Idempotency_Key="order-1")

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["id"] == first.json()["id"]
    assert Run.objects.count() == 1


def test_the_same_key_with_another_body_is_409_and_starts_nothing(api: Caller, double):
    start(api, Idempotency_Key="order-1")

    other = api.post("workflows/double/runs", {"input": {"n": 22}}, Idempotency_Key="order-1")

    assert_problem(other, 409, "key_reused")
    assert Run.objects.count() == 1


@pytest.mark.parametrize("value", [{}, {"n": "21"}, [], None, 5])
def test_an_input_that_breaks_its_schema_is_422_and_starts_nothing(api: Caller, double, value):
    body = assert_problem(api.post("workflows/double/runs", {"input": value}), 422)

    assert body["problems"]
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {"input": {"n": 1}, "extra": 1},
        {"input": {"n": 1}, "mode": "dry"},
        {"input": {"n": 1}, "version": "newest"},
        {"input": {"n": 1}, "version": 0},
        {"input": {"n": 1}, "version": True},
    ],
)
def test_a_start_that_makes_no_sense_is_422(api: Caller, double, body):
    assert_problem(api.post("workflows/double/runs", body), 422)

    assert not Run.objects.exists()


@pytest.mark.parametrize("wait", ["-1", "31", "soon"])
def test_waiting_is_bounded(api: Caller, double, wait):
    assert_problem(api.post(f"workflows/double/runs?wait={wait}", {"input": {"n": 1}}), 422)


def test_a_version_that_is_not_there_is_404(api: Caller, double):
    answer = api.post("workflows/double/runs", {"input": {"n": 1}, "version": 7})

    assert_problem(answer, 404)


def test_a_workflow_without_a_version_is_409_not_published(api: Caller):
    api.post("workflows", {"name": "Double", "slug": "double", "definition": DOUBLE})

    assert_problem(start(api), 409, "not_published")


def test_the_draft_only_rehearses(api: Caller, double):
    body = {"input": {"n": 21}, "version": "draft"}

    live = api.post("workflows/double/runs", body)
    rehearsal = api.post("workflows/double/runs", {**body, "mode": "rehearsal"})

    assert_problem(live, 409, "not_published")
    assert rehearsal.status_code == 201
    assert rehearsal.json()["version"] == "draft"


def test_a_viewer_reads_but_starts_nothing(api: Caller, viewer: Caller, double):
    run = start(api).json()["id"]

    assert viewer.get(f"runs/{run}").status_code == 200
    assert_problem(start(viewer), 403, "scope_missing")
    assert_problem(viewer.post(f"runs/{run}/pause", {"reason": "x"}), 403, "scope_missing")
    assert Run.objects.get().state == "queued"


def test_a_designer_rehearses_but_starts_nothing_live(workspace, double):
    designer = caller_of(workspace, "dora", roles=("designer",))
    rehearsal = {"input": {"n": 1}, "mode": "rehearsal"}

    assert_problem(start(designer), 403, "scope_missing")
    assert designer.post("workflows/double/runs", rehearsal).status_code == 201


def test_another_workspace_sees_and_steers_nothing(api: Caller, stranger: Caller, double):
    run = start(api).json()["id"]
    calls = ("pause", "resume", "cancel", "retry", "skip", "fail", "rollback")

    assert stranger.get("runs").json() == {"items": [], "next": None}
    for path in (f"runs/{run}", f"runs/{run}/steps", f"runs/{run}/events", "workflows/double"):
        assert_problem(stranger.get(path), 404)
    for call in calls:
        assert_problem(stranger.post(f"runs/{run}/{call}", {"reason": "x"}), 404)
    assert_problem(start(stranger), 404)
    assert Run.objects.get().state == "queued"


def test_runs_are_paged_newest_first_and_each_once(api: Caller, double):
    started = [start(api).json()["number"] for _ in range(5)]

    seen, cursor = [], ""
    while True:
        answer = api.get(f"runs?limit=2{cursor}").json()
        seen += [run["number"] for run in answer["items"]]
        if answer["next"] is None:
            break
        cursor = f"&cursor={answer['next']}"

    assert seen == sorted(started, reverse=True)


def test_a_page_stays_right_while_runs_are_added(api: Caller, double):
    numbers = [start(api).json()["number"] for _ in range(3)]
    first = api.get("runs?limit=2").json()
    start(api)

    second = api.get(f"runs?limit=2&cursor={first['next']}").json()

    assert [run["number"] for run in second["items"]] == numbers[:1]


def test_runs_are_filtered_by_state_and_workflow(api: Caller, double):
    publish(api, "other")
    paused = start(api).json()["id"]
    other = start(api, "other").json()["id"]
    api.post(f"runs/{paused}/pause", {"reason": "lunch"})

    def ids(query: str) -> list[str]:
        return [run["id"] for run in api.get(f"runs?{query}").json()["items"]]

    assert ids("state=paused") == [paused]
    assert ids("workflow=other") == [other]
    assert ids("state=paused&workflow=other") == []
    assert_problem(api.get("runs?state=asleep"), 422)


def test_steps_and_history_are_told_in_order(api: Caller, double):
    run = start(api).json()["id"]

    steps = api.get(f"runs/{run}/steps").json()["items"]
    events = api.get(f"runs/{run}/events").json()["items"]
    later = api.get(f"runs/{run}/events?after=1").json()["items"]

    assert steps == [
        {
            "path": "double",
            "step": "double",
            "kind": "transform",
            "generation": 0,
            "state": "ready",
            "port": None,
            "attempt": 0,
            "input": None,
            "output": None,
            "error": None,
            "waiting_for": None,
            "started_at": None,
            "finished_at": None,
        }
    ]
    assert [event["sequence"] for event in events] == [1, 2]
    assert [event["type"] for event in events] == ["run.queued", "step.ready"]
    assert later == events[1:]
    assert set(events[0]) == {
        "sequence", "at", "type", "path", "generation", "from", "to", "trigger", "actor", "why",
        "data",
    }  # fmt: skip
    assert events[0]["actor"] == "user:owner"


def test_steps_are_found_by_path_and_by_its_beginning(api: Caller, double):
    run = start(api).json()["id"]

    def paths(query: str) -> list[str]:
        return [step["path"] for step in api.get(f"runs/{run}/steps{query}").json()["items"]]

    assert paths("?path=double") == ["double"]
    assert paths("?path=doub*") == ["double"]
    assert paths("?path=doub") == []


def test_pause_and_resume_are_told_with_reason_and_allow_each_other(api: Caller, double):
    run = start(api).json()["id"]

    paused = api.post(f"runs/{run}/pause", {"reason": "lunch"}).json()
    again = api.post(f"runs/{run}/pause", {"reason": "more lunch"})
    resumed = api.post(f"runs/{run}/resume", {"reason": "back"}).json()

    assert (paused["state"], paused["actions"]) == ("paused", ["resume", "cancel", "retry", "skip"])
    assert assert_problem(again, 409, "illegal_state")["allowed"] == paused["actions"]
    assert resumed["state"] == "queued"
    event = RunEvent.objects.get(run_id=run, type="run.paused")
    assert (event.actor, event.why) == ("user:owner", "lunch")


@pytest.mark.parametrize("call", ["resume", "retry", "skip", "fail", "rollback"])
def test_what_the_state_forbids_is_409_and_names_what_it_allows(api: Caller, double, call):
    run = start(api).json()
    body = {"reason": "x"} | ({"path": "double"} if call in {"retry", "skip", "fail"} else {})

    problem = assert_problem(api.post(f"runs/{run['id']}/{call}", body), 409, "illegal_state")

    assert problem["allowed"] == run["actions"]


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("pause", {"reason": "x", "path": "double"}),
        ("cancel", {"reason": "x", "rollback": "perhaps"}),
        ("retry", {"reason": 5}),
        ("skip", {"reason": "x", "input": 1}),
    ],
)
def test_fields_of_other_controls_are_refused(api: Caller, double, call, body):
    run = start(api).json()["id"]

    assert_problem(api.post(f"runs/{run}/{call}", body), 422)


def test_a_trigger_that_nothing_waits_for_is_409(api: Caller, double):
    run = start(api).json()["id"]
    body = {"path": "double", "trigger": "ship", "data": {}}

    problem = assert_problem(api.post(f"runs/{run}/triggers", body), 409, "illegal_state")

    assert problem["allowed"] == []


def test_a_large_input_is_taken_and_one_beyond_25_megabytes_is_not(api: Caller):
    publish(api, "big", {**DOUBLE, "input": {"type": "object"}, "output": None})
    texts = [base64.b64encode(bytes(600_000)).decode()] * 3

    taken = api.post("workflows/big/runs", {"input": {"texts": texts}})
    refused = api.post("workflows/big/runs", {"input": {"texts": texts * 12}})

    assert taken.status_code == 201
    assert_problem(refused, 413)
