import pytest

from approvals_app.services.decide import approval_decide
from approvals_app.services.opening import BLIND_FROM
from tests.approvals_app import factories
from workflows_app.models import RunEvent

pytestmark = pytest.mark.django_db
VIEW = "The carrier confirms a single shipment"


@pytest.fixture
def anna(people, client):
    client.force_login(people["anna"])
    return client


def blind(**given):
    settings = {"confidence": 0.8612, "recommendation": VIEW, "risk": "low", "blind": 1.0}
    return factories.request_for(**{**settings, **given})


def decide(request, actor, decision="approve", **given):
    given = {"via": "token", "digest": request.digest, **given}
    return approval_decide(approval_id=request.pk, actor=actor, decision=decision, **given)


def test_a_blind_check_hides_the_agents_view_until_the_answer(anna, people):
    request = blind()
    pages = ["/approvals/", f"/approvals/APR-{request.number}/"]

    for page in pages:
        text = anna.get(page).content.decode()
        assert VIEW not in text
        assert "0.8612" not in text
        assert "Blind check" in text
    decide(request, people["anna"])

    text = anna.get(pages[1]).content.decode()
    assert VIEW in text
    assert "0.8612" in text
    assert RunEvent.objects.get(type="approval.decided").data["blind"] is True


def test_the_share_is_the_gates_own(people):
    assert not blind(blind=0.0).is_blind
    assert blind(blind=1.0).is_blind


def test_without_a_view_there_is_nothing_to_hide(people):
    assert not blind(confidence=None, recommendation=None).is_blind


def test_rehearsals_check_nobody(people):
    step_run = factories.waiting_step(starter=people["olga"], mode="rehearsal")

    assert not factories.request_for(step_run, confidence=0.9, blind=1.0).is_blind


def test_a_gate_without_a_record_has_no_blind_checks_of_its_own(people, monkeypatch):
    monkeypatch.setattr("approvals_app.services.opening.BLIND_SHARE", 1.0)
    of = factories.version()

    def ask():
        step_run = factories.waiting_step(starter=people["olga"], of=of)
        return factories.request_for(step_run, confidence=0.9, risk="low")

    for _ in range(BLIND_FROM):
        request = ask()
        assert not request.is_blind
        decide(request, people["anna"])

    assert ask().is_blind


def test_blind_answers_count_by_themselves(anna, people):
    of = factories.version()
    for number, decision in enumerate(["approve", "approve", "reject"]):
        step_run = factories.waiting_step(starter=people["olga"], of=of)
        request = factories.request_for(step_run, confidence=0.9, blind=float(number > 0))
        decide(request, people["anna"], decision, reason="No")

    (line,) = anna.get("/autonomy/").context["lines"]

    assert (line["blind"], line["blind_agreed"]) == (2, 1)


class TestCritical:
    """The second person is not shown the first one's reason until they have answered."""

    @pytest.fixture
    def request_(self, people):
        request = factories.request_for(risk="critical")
        decide(request, people["anna"], reason="Sealed words")
        request.refresh_from_db()
        return request

    def test_the_reason_is_nowhere_while_another_answer_is_awaited(self, people, client, request_):
        client.force_login(people["ben"])

        page = client.get(f"/approvals/APR-{request_.number}/").content.decode()
        api = client.get(f"/api/v1/approvals/{request_.pk}").json()
        events = client.get(f"/api/v1/runs/{request_.run_id}/events").content.decode()

        assert "Sealed words" not in page + events
        assert api["votes"][0]["reason"] is None

    def test_who_has_answered_sees_it(self, people, client, request_):
        client.force_login(people["anna"])

        assert "Sealed words" in client.get(f"/approvals/APR-{request_.number}/").content.decode()

    def test_the_record_has_it_once_both_have_answered(self, people, request_):
        decide(request_, people["ben"], reason="Mine")

        first, second = RunEvent.objects.filter(type="approval.decided").order_by("sequence")
        assert (first.why, first.data["reason_sealed"]) == ("", True)
        assert second.why == "Mine"
        assert second.data["earlier"][0]["reason"] == "Sealed words"
