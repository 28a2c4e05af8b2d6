from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from approvals_app.models import ApprovalRequest, SeenMark, Vote
from approvals_app.selectors.queue import queue_query
from approvals_app.services.decide import approval_decide
from tests.approvals_app import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna(people, client):
    client.force_login(people["anna"])
    return client


def decide(request, person):
    approval_decide(
        approval_id=request.pk,
        actor=person,
        via="token",
        decision="approve",
        digest=request.digest,
    )


def queue(client, query):
    headers = {"HX-Request": "true", "HX-Target": "queue"}
    return client.get(f"/approvals/?{query}", headers=headers).content.decode()


def test_filters_live_in_the_address_and_travel_with_an_answer(anna):
    low = factories.request_for(risk="low", summary="The low one")
    factories.request_for(risk="medium", summary="The other one")

    text = queue(anna, "view=mine&risk=low&due=today&group=workflow")

    assert "The low one" in text
    assert "The other one" not in text
    body = {"decision": "approve", "digest": low.digest, "view": "mine", "risk": "low"}
    page = anna.post(reverse("approvals:decide", args=[low.number]), body)
    assert page["Location"] == "/approvals/?view=mine&risk=low"


def test_only_what_is_due_within_the_hour(anna):
    factories.request_for(summary="Soon", deadline="30m")
    factories.request_for(summary="Tomorrow", deadline="24h")

    text = queue(anna, "due=soon")

    assert "Soon" in text
    assert "Tomorrow" not in text


def test_filtered_to_nothing_offers_to_clear(anna):
    factories.request_for(risk="low")

    assert "Clear filters" in queue(anna, "risk=critical")


def test_the_one_behind_the_answered_one_opens_next(anna):
    first, second, third = (factories.request_for() for _ in range(3))

    body = {"decision": "approve", "digest": second.digest, "view": "mine"}
    page = anna.post(reverse("approvals:decide", args=[second.number]), body)

    assert page["Location"].endswith(f"open=APR-{third.number}")
    assert first.state == "pending"


def test_what_was_decided_elsewhere_stays_greyed_where_it_was(anna, people):
    rows = [factories.request_for() for _ in range(3)]
    held = ",".join(str(row.number) for row in rows)
    decide(rows[1], people["ben"])

    text = queue(anna, f"held={held}")

    assert f'id="row-{rows[1].number}" class="gone"' in text
    assert "Approved by ben" in text
    assert [text.index(f'id="row-{row.number}"') for row in rows] == sorted(
        text.index(f'id="row-{row.number}"') for row in rows
    )
    assert f"row-{rows[1].number}" not in anna.get("/approvals/").content.decode()


def test_what_is_new_waits_behind_a_pill_and_moves_nothing(anna):
    first = factories.request_for(deadline="20h")
    urgent = factories.request_for(deadline="1h", summary="Urgent")

    text = queue(anna, f"held={first.number}")

    assert "1 new" in text
    assert f'id="row-{urgent.number}"' not in text
    assert "1 new" not in queue(anna, "view=mine")


def test_what_is_new_and_comes_last_is_added_at_once(anna):
    first = factories.request_for(deadline="1h")
    later = factories.request_for(deadline="20h")

    text = queue(anna, f"held={first.number}")

    assert text.index(f'id="row-{first.number}"') < text.index(f'id="row-{later.number}"')
    assert " new</a>" not in text


def test_lines_keep_their_order_though_a_time_changes(anna):
    rows = [factories.request_for(deadline=f"{hours}h") for hours in (2, 4)]
    held = ",".join(str(row.number) for row in rows)
    ApprovalRequest.objects.filter(pk=rows[1].pk).update(
        next_due_at=timezone.now() + timedelta(minutes=30)
    )

    text = queue(anna, f"held={held}&group=workflow")

    assert text.index(f'id="row-{rows[0].number}"') < text.index(f'id="row-{rows[1].number}"')


def test_the_open_request_says_that_somebody_else_decided_it(anna, people):
    request = factories.request_for()
    decide(request, people["ben"])

    text = queue(anna, f"open=APR-{request.number}&held={request.number}")

    assert f'data-gone="APR-{request.number} is approved by ben meanwhile."' in text


def test_a_stranger_learns_nothing_by_holding_numbers(people, client):
    request = factories.request_for(summary="Secret")
    decide(request, people["ben"])
    client.force_login(factories.person("otto", space=factories.workspace("other")))

    assert "Secret" not in queue(client, f"held={request.number}")


def test_the_title_and_the_navigation_count_what_waits(anna):
    factories.request_for()
    factories.request_for()

    text = anna.get("/approvals/").content.decode()

    assert "Approvals · 2 waiting" in text
    assert 'data-waiting="/approvals/waiting/">2' in text


def test_the_navigation_asks_for_the_count_alone(anna, people, client):
    request = factories.request_for()

    assert anna.get("/approvals/waiting/").json() == {"waiting": "1"}
    decide(request, people["ben"])
    assert anna.get("/approvals/waiting/").json() == {"waiting": "0"}

    client.force_login(factories.person("otto", space=factories.workspace("other")))
    assert client.get("/approvals/waiting/").json() == {"waiting": "0"}
    client.logout()
    assert client.get("/approvals/waiting/").status_code == 302


def test_a_line_that_was_drawn_before_says_what_is_true_now(anna, people):
    request = factories.request_for(summary="Refund <b>Nordwind</b>")
    first = queue(anna, "")
    assert "Refund &lt;b&gt;Nordwind" in first
    assert "is looking" not in first

    SeenMark.objects.create(request=request, person=people["ben"], at=timezone.now())
    assert "ben is looking" in queue(anna, "")
    ApprovalRequest.objects.filter(pk=request.pk).update(summary="Refund Südwind", risk="high")
    again = queue(anna, "")
    assert "Refund Südwind" in again
    assert "Nordwind" not in again


def test_ten_thousand_pending_requests_are_read_by_an_index(people):
    model = factories.request_for()
    fields = [f for f in ApprovalRequest._meta.fields if f.name not in ("id", "number")]
    values = {f.attname: getattr(model, f.attname) for f in fields}
    now = timezone.now()
    step_runs = [factories.uuid7() for _ in range(10_000)]
    # Building so many objects takes long on a busy machine, and the test is one transaction.
    connection.cursor().execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    connection.cursor().execute("SET CONSTRAINTS ALL DEFERRED")
    ApprovalRequest.objects.bulk_create(
        ApprovalRequest(
            **{**values, "step_run_id": step, "next_due_at": now + timedelta(minutes=i)}
        )
        for i, step in enumerate(step_runs)
    )
    connection.cursor().execute("ANALYZE")

    for view in ("mine", "teams"):
        query = queue_query(user=people["anna"], view=view, now=now)[:100]
        plan = query.explain()
        assert "using approval_" in plan
        assert "Seq Scan on approvals_app_approvalrequest" not in plan


def lookalikes(number=5, *, amounts=None, **given):
    of = factories.version()
    made = []
    for i in range(number):
        amount = amounts[i] if amounts else 20 + i
        step_run = factories.waiting_step(starter=factories.person("olga"), of=of)
        bound = factories.action(step_run, arguments={"amount": amount, "currency": "EUR"})
        wish = {"risk": "low", "confidence": 0.9, "bound": bound, **given}
        made.append(factories.request_for(step_run, **wish))
    return made


def batch_url(client):
    text = client.get("/approvals/").content.decode()
    start = text.index("/approvals/batch/", text.index('class="bat"'))
    return text[start : text.index('"', start)]


def items(requests):
    return [f"{request.number}:{request.digest}" for request in requests]


def open_two(client, url):
    for number, _ in client.get(url).context["wanted"]:
        assert client.post(f"{url}open/APR-{number}/").status_code == 302


def test_a_batch_takes_out_what_stands_out(anna):
    requests = lookalikes(5, amounts=[20, 30, 25, 35, 900])

    page = anna.get(batch_url(anna))

    text = page.content.decode()
    assert [item["request"].number for item in page.context["items"]] == [
        request.number for request in requests[:4]
    ]
    assert "amount is far from the others" in text
    assert page.context["names"] == ["amount"]


def test_a_gate_that_gives_no_confidence_has_batches_too(anna):
    requests = lookalikes(3)
    ApprovalRequest.objects.update(confidence=None, unusual=None)

    page = anna.get(batch_url(anna))

    assert [item["request"].number for item in page.context["items"]] == [
        request.number for request in requests
    ]
    assert '<td class="num">—</td>' in page.content.decode()


def test_a_batch_waits_until_two_were_opened(anna):
    requests = lookalikes()
    url = batch_url(anna)
    body = {"decision": "approve", "item": items(requests)}

    assert anna.post(url, body).status_code == 422
    assert not Vote.objects.exists()
    open_two(anna, url)
    assert anna.post(url, body).status_code == 302

    assert Vote.objects.count() == 5
    assert ApprovalRequest.objects.filter(state="approved").count() == 5


def test_a_batch_answers_only_what_the_page_listed(anna):
    requests = lookalikes()
    url = batch_url(anna)
    open_two(anna, url)

    changed = f"{requests[1].number}:{'0' * 64}"
    anna.post(url, {"decision": "approve", "item": [*items(requests[:1]), changed]})

    assert [vote.request for vote in Vote.objects.all()] == requests[:1]


def test_a_batch_is_rejected_only_with_a_reason(anna):
    requests = lookalikes()
    url = batch_url(anna)
    open_two(anna, url)

    page = anna.post(url, {"decision": "reject", "item": items(requests)})

    assert page.status_code == 422
    assert not Vote.objects.exists()


@pytest.mark.parametrize("given", [{"risk": "medium"}, {"blind": 1}, {"need": 2}])
def test_what_must_be_read_by_itself_is_in_no_batch(anna, given):
    lookalikes(**given)

    assert 'class="bat"' not in anna.get("/approvals/").content.decode()


def test_a_batch_holds_25_at_most(anna):
    lookalikes(27, amounts=[20] * 27)

    page = anna.get(batch_url(anna))

    assert len(page.context["items"]) == 25
    assert page.context["batch"].beyond == 2


def test_selected_lines_lead_to_their_batch(anna):
    requests = lookalikes(4)
    picked = [request.number for request in requests[:3]]

    page = anna.get("/approvals/batch/", {"only": picked}, follow=True)

    assert [item["request"].number for item in page.context["items"]] == picked
