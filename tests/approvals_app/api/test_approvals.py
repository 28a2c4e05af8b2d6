import pytest

from approvals_app.models import Vote
from tests.approvals_app import factories
from workflows_app.core.canonical import digest
from workflows_app.models import InboxFact, RunEvent, Timer
from workflows_app.services.tokens import token_create

pytestmark = pytest.mark.django_db
URL = "/api/v1/approvals"
A4 = {
    "summary", "details", "recommendation", "confidence", "risk", "impact", "alternatives",
    "deadline", "links", "requested_by", "why", "action",
}  # fmt: skip
ASKED = {
    "id", "number", "state", "run", "path", "workflow", "version", "action", "digest",
    "assignees", "need", "decisions", "votes", "allowed",
}  # fmt: skip


class Caller:
    """Somebody with a token."""

    def __init__(self, client, user=None, scopes=("read", "decide"), service=None, space=None):
        token = token_create(
            workspace=space or factories.workspace(),
            user=user,
            service=service,
            scopes=scopes,
            actor="operator",
        )
        self.client, self.headers = client, {"Authorization": f"Bearer {token}"}

    def get(self, path="", **query):
        return self.client.get(URL + path, query, headers=self.headers)

    def post(self, path, body=None):
        return self.client.post(
            URL + path, body or {}, content_type="application/json", headers=self.headers
        )

    def decide(self, request, decision="approve", **given):
        body = {"decision": decision, "digest": request.digest, **given}
        return self.post(f"/{request.pk}/decision", body)


@pytest.fixture
def anna(people, client):
    return Caller(client, people["anna"])


def test_a_request_shows_every_field_by_its_name(anna):
    request = factories.request_for(
        confidence=0.86, risk="low", alternatives=["Credit note"], links=["https://example.org"]
    )

    shown = anna.get(f"/{request.pk}").json()

    assert shown.keys() >= A4 | ASKED
    assert shown["digest"] == digest(shown["action"])
    assert (shown["state"], shown["need"], shown["version"]) == ("pending", 1, 1)
    assert shown["run"] == str(request.run_id)
    assert shown["assignees"] == ["group:approvers"]
    assert shown["allowed"] == ["approve", "edit", "reject", "take_over", "delegate", "escalate"]
    assert shown["alternatives"] == [{"summary": "Credit note", "why": "", "confidence": None}]
    assert shown["deadline"].endswith("Z")


def test_the_list_is_filtered_and_paged_newest_first(anna, people):
    requests = [factories.request_for() for _ in range(3)]
    anna.decide(requests[0])

    assert [item["number"] for item in anna.get().json()["items"]] == [
        request.number for request in reversed(requests)
    ]
    assert len(anna.get(state="pending").json()["items"]) == 2
    assert len(anna.get(run=str(requests[1].run_id)).json()["items"]) == 1
    first = anna.get(limit=2).json()
    rest = anna.get(limit=2, cursor=first["next"]).json()
    assert [len(first["items"]), len(rest["items"]), rest["next"]] == [2, 1, None]


def test_mine_is_what_i_may_answer(anna, people, client):
    answered = factories.request_for(need=2)
    factories.request_for(assignees=["user:ben"])
    factories.request_for(factories.waiting_step(starter=people["anna"]))
    open_one = factories.request_for()
    anna.decide(answered)

    mine = anna.get(mine="true", state="pending").json()["items"]

    assert [item["id"] for item in mine] == [str(open_one.pk)]
    olga = Caller(client, people["olga"])
    assert olga.get(mine="true").json()["items"] == []
    assert len(olga.get().json()["items"]) == 4


def test_an_approval_by_token_holds_at_once(anna):
    request = factories.request_for()

    answer = anna.decide(request)

    assert answer.status_code == 200
    shown = answer.json()
    assert (shown["state"], shown["decided_by"], shown["allowed"]) == (
        "approved", "user:anna", [],
    )  # fmt: skip
    assert shown["votes"][0]["by"] == "user:anna"
    assert InboxFact.objects.count() == 1


def test_the_same_body_again_is_fine_and_another_is_a_conflict(anna):
    request = factories.request_for()
    first = anna.decide(request)

    again = anna.decide(request)
    other = anna.decide(request, "reject", reason="No")

    assert (again.status_code, again.json()) == (200, first.json())
    problem = other.json()
    assert (other.status_code, problem["decided"]["by"]) == (409, "user:anna")
    assert "at" in problem["decided"]
    assert Vote.objects.count() == 1


@pytest.mark.parametrize("digest", ["0" * 64, "not a digest"])
def test_a_stale_digest_is_a_conflict(anna, digest):
    answer = anna.decide(factories.request_for(), digest=digest)

    assert (answer.status_code, answer.json()["code"]) == (409, "stale_digest")


@pytest.mark.parametrize(("name", "code"), [("olga", "requester"), ("mallory", "stranger")])
def test_requesters_and_strangers_are_refused(people, client, name, code):
    request = factories.request_for()

    answer = Caller(client, people[name]).decide(request)

    assert (answer.status_code, answer.json()["code"]) == (403, code)
    assert RunEvent.objects.filter(type="approval.refused").count() == 1


def test_a_rejection_without_a_reason_is_invalid(anna):
    answer = anna.decide(factories.request_for(), "reject")

    assert answer.status_code == 422
    assert answer.json()["problems"][0]["pointer"] == "/reason"


@pytest.mark.parametrize("body", [{"decision": "maybe"}, {"surprise": 1}, {"undo_seconds": 61}])
def test_a_body_that_we_do_not_know_is_invalid(anna, body):
    assert anna.decide(factories.request_for(), **body).status_code == 422


def test_a_service_token_never_decides(people, client):
    request = factories.request_for()
    robot = Caller(client, service="robot", scopes=["read", "run"])

    assert robot.get(f"/{request.pk}").status_code == 200
    assert robot.decide(request).status_code == 403
    assert not Vote.objects.exists()
    event = RunEvent.objects.get(run=request.run_id, type="approval.refused")
    assert (event.actor, event.data["code"]) == ("service:robot", "scope_missing")


def test_a_service_of_another_workspace_leaves_no_trace(people, client):
    request = factories.request_for()
    robot = Caller(client, service="robot", scopes=["read"], space=factories.workspace("other"))

    assert robot.decide(request).status_code == 403
    assert not RunEvent.objects.filter(type="approval.refused").exists()


def test_a_token_without_decide_decides_nothing(people, client):
    request = factories.request_for()
    reader = Caller(client, people["anna"], scopes=["read"])

    assert reader.get(f"/{request.pk}").json()["allowed"] == []
    assert reader.decide(request).status_code == 403
    event = RunEvent.objects.get(run=request.run_id, type="approval.refused")
    assert (event.actor, event.data["code"]) == ("user:anna", "scope_missing")


def test_without_a_token_there_is_nothing(client, people):
    request = factories.request_for()

    assert client.get(URL).status_code == 401
    assert client.post(f"{URL}/{request.pk}/decision", {}).status_code == 401


def test_another_workspace_finds_nothing(people, client):
    request = factories.request_for()
    other = factories.workspace("other")
    outsider = Caller(client, factories.person("otto", space=other), space=other)

    assert outsider.get(f"/{request.pk}").status_code == 404
    assert outsider.decide(request).status_code == 404
    assert outsider.get().json()["items"] == []


def test_an_assignee_needs_no_role(people, client):
    guest = factories.person("guest", groups=["approvers"], roles=[])
    request = factories.request_for()
    caller = Caller(client, guest, scopes=["decide"])

    assert caller.get(f"/{request.pk}").status_code == 200
    assert caller.decide(request).status_code == 200


def test_an_edit_gives_a_new_digest(anna):
    request = factories.request_for()
    edited = {**factories.ARGUMENTS, "amount": 1610.5}

    shown = anna.decide(request, arguments=edited).json()

    assert shown["action"]["arguments"] == edited
    assert shown["digest"] == digest(shown["action"]) != request.digest
    assert shown["edits"][0]["before"] == factories.ARGUMENTS


def test_undo_within_the_window_that_was_asked_for(anna):
    request = factories.request_for()

    decided = anna.decide(request, undo_seconds=30).json()
    undone = anna.post(f"/{request.pk}/undo")

    assert decided["allowed"] == ["undo"]
    assert (undone.status_code, undone.json()["state"]) == (200, "pending")
    assert not Timer.objects.exists()
    late = anna.post(f"/{request.pk}/undo")
    assert (late.status_code, late.json()["code"]) == (409, "illegal_state")


def test_delegate_and_escalate(anna, people, client):
    request = factories.request_for()
    factories.person("ada", roles=["admin"])

    assert anna.post(f"/{request.pk}/delegate", {"to": "user:mallory"}).status_code == 200
    escalated = anna.post(f"/{request.pk}/escalate", {"reason": "Not sure"})

    assert escalated.json()["assignees"] == ["group:approvers", "user:ada"]
    assert escalated.json()["delegations"][0]["to"] == "user:mallory"
    assert Caller(client, people["mallory"]).decide(request).status_code == 200


def test_a_batch_answers_each_on_its_own(anna, people):
    good, stale = factories.request_for(), factories.request_for()
    foreign = factories.request_for(assignees=["user:ben"])
    items = [
        {"id": str(good.pk), "decision": "approve", "digest": good.digest},
        {"id": str(stale.pk), "decision": "approve", "digest": "0" * 64},
        {"id": str(foreign.pk), "decision": "approve", "digest": foreign.digest},
    ]

    answer = anna.post("/decisions", {"items": items})

    assert answer.status_code == 200
    outcomes = answer.json()["items"]
    assert [item["id"] for item in outcomes] == [item["id"] for item in items]
    assert [item["status"] for item in outcomes] == [200, 409, 403]
    assert outcomes[1]["problem"]["code"] == "stale_digest"
    assert Vote.objects.count() == 1


def test_the_list_costs_the_same_for_many_requests(anna, django_assert_max_num_queries):
    for _ in range(10):
        factories.request_for()

    with django_assert_max_num_queries(20):
        assert len(anna.get().json()["items"]) == 10
