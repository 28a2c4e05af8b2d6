import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals_app.models import ApprovalRequest
from approvals_app.selectors import requests
from approvals_app.selectors.queue import queue_list
from approvals_app.selectors.requests import (
    approval_get,
    approval_list,
    inbox_counts,
    waiting_count,
)
from approvals_app.selectors.shapes import approval_shape
from approvals_app.services.decide import approval_decide
from approvals_app.services.delegate import approval_delegate
from approvals_app.services.record import database_now
from approvals_app.views import present
from tests.approvals_app import factories
from workflows_app.models import Member

pytestmark = pytest.mark.django_db


def test_a_list_reads_no_inputs_and_no_definitions(people):
    for _ in range(3):
        factories.request_for()

    rows = approval_list(actor=people["anna"], mine=True)

    assert len(rows) == 3
    for row in rows:
        assert row.run.get_deferred_fields() >= {"input", "output"}
        assert row.version.get_deferred_fields() >= {"definition", "expanded"}


def test_a_line_of_the_queue_reads_none_of_what_may_be_large(people):
    factories.request_for(summary="Pay it back")

    (row,) = queue_list(user=people["anna"], view="mine", now=database_now())

    large = {"settings", "action", "details", "recommendation", "impact", "alternatives", "links"}
    assert row.get_deferred_fields() >= large
    assert row.summary == "Pay it back"


def test_a_line_tells_who_answered_handed_on_and_edited(people):
    request = factories.request_for(need=2)
    approval_decide(
        approval_id=request.pk,
        actor=people["ben"],
        via="token",
        decision="approve",
        digest=request.digest,
        arguments={**factories.ARGUMENTS, "amount": 1.0},
    )
    approval_delegate(approval_id=request.pk, actor=people["anna"], to="user:mallory")

    (row,) = queue_list(user=people["anna"], view="teams", now=database_now())

    assert (row.votes_now, row.is_handed, row.is_edited) == (1, True, True)


def test_the_queue_is_in_order_by_time_then_risk_then_age(people):
    low, high, later = (
        factories.request_for(risk=risk, deadline=deadline)
        for risk, deadline in (("low", "1h"), ("high", "1h"), ("critical", "2h"))
    )
    ApprovalRequest.objects.filter(pk=high.pk).update(next_due_at=low.next_due_at)

    rows = queue_list(user=people["anna"], view="teams", now=database_now())

    assert [row.number for row in rows] == [high.number, low.number, later.number]


def test_a_tab_is_counted_up_to_a_limit(people, monkeypatch):
    monkeypatch.setattr(requests, "COUNTED", 3)
    for _ in range(4):
        factories.request_for()

    counts = inbox_counts(actor=people["anna"])

    assert counts == {"mine": 3, "teams": 3, "delegated": 0}


def test_what_a_list_shows_takes_no_query_for_each_line(people):
    now = database_now()

    def queries():
        with CaptureQueriesContext(connection) as found:
            rows = queue_list(user=people["anna"], view="mine", now=database_now())
            for row in rows:
                assert present.row(row, now)["tag"] is None
                assert [row.workflow.name, row.path, row.decided_by]
        return len(found)

    factories.request_for()
    one = queries()
    for _ in range(5):
        factories.request_for()

    assert queries() == one


def test_one_request_still_shows_everything(people):
    request = factories.request_for()

    found = approval_get(approval_id=request.pk, actor=people["anna"])

    shape = approval_shape(found, user=people["anna"], now=database_now())
    assert (shape["version"], shape["run"]) == (1, str(request.run_id))
    assert found.version.expanded == {"steps": [], "edges": []}


def test_counts_follow_what_somebody_may_see_though_their_statement_is_kept(people):
    first = factories.request_for()
    anna = people["anna"]
    assert inbox_counts(actor=anna) == {"mine": 1, "teams": 1, "delegated": 0}

    factories.request_for()
    approval_delegate(approval_id=first.pk, actor=anna, to="user:mallory")
    assert inbox_counts(actor=anna) == {"mine": 2, "teams": 2, "delegated": 1}

    Member.objects.get(user=anna).groups.clear()
    assert inbox_counts(actor=anna)["mine"] == 0
    assert waiting_count(actor=people["mallory"]) == 1
    Member.objects.filter(user=people["mallory"]).update(is_active=False)
    assert waiting_count(actor=people["mallory"]) == 0
    assert inbox_counts(actor=people["mallory"]) == {"mine": 0, "teams": 0, "delegated": 0}
