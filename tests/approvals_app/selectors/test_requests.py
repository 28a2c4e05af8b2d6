import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals_app.selectors.queue import queue_list
from approvals_app.selectors.requests import approval_get
from approvals_app.selectors.shapes import approval_shape
from approvals_app.services.record import database_now
from tests.approvals_app import factories

pytestmark = pytest.mark.django_db


def test_a_list_reads_no_inputs_and_no_definitions(people):
    for _ in range(3):
        factories.request_for()

    rows = queue_list(user=people["anna"], view="mine", now=database_now())

    assert len(rows) == 3
    for row in rows:
        assert row.run.get_deferred_fields() >= {"input", "output"}
        assert row.version.get_deferred_fields() >= {"definition", "expanded"}


def test_what_a_list_shows_takes_no_query_for_each_line(people):
    def queries():
        with CaptureQueriesContext(connection) as found:
            rows = queue_list(user=people["anna"], view="mine", now=database_now())
            for row in rows:
                assert row.version.number == 1
                assert [row.run.number, row.workflow.slug, *row.edits.all()]
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
