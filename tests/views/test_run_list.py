"""The list of runs: its query, its rows that stay, views that are kept, many runs at once."""

import re

import pytest

from tests.views import factories
from workflows_app.models import AppEvent, BulkOperation, Run, SavedView
from workflows_app.selectors.run_query import query_parse, query_text
from workflows_app.services.bulk_work import bulk_work

HTMX = {"HX-Request": "true"}


def numbers(body):
    return [int(one) for one in re.findall(r'id="run-(\d+)"', body)]


def page(client, url="/runs/", **more):
    response = client.get(url, **more)
    assert response.status_code == 200, response.content
    return response.content.decode()


def refresh_of(body):
    found = re.search(r'hx-get="([^"]*)" hx-trigger="runs-changed', body)
    return found.group(1).replace("&amp;", "&")


@pytest.mark.parametrize(
    "text",
    [
        "state:failed workflow:refund",
        "state:failed,timed_out",
        "step:fraud_score cost:>1",
        'text "two words" state:open',
        "waiting:incident error:lost started:24h",
    ],
)
def test_a_query_says_the_same_when_it_is_written_back(text):
    filters, unknown = query_parse(text)

    assert unknown == []
    assert query_parse(query_text(filters))[0] == filters


def test_what_means_nothing_is_named(client, owner, run):
    client.force_login(owner)

    body = page(client, "/runs/?q=state:lost color:red cost:much version:x")

    for term in ("state:lost", "color:red", "cost:much", "version:x"):
        assert f"{term} means nothing here" in body


def test_each_chip_takes_only_its_own_filter_away(client, owner, run):
    client.force_login(owner)

    body = page(client, "/runs/?q=state:running workflow:refund")

    assert 'href="?q=workflow%3Arefund" title="Take this filter away">state: running' in body
    assert 'href="?q=state%3Arunning" title="Take this filter away">workflow: refund' in body


def test_filters_narrow_by_state_error_cost_wait_and_number(client, owner, version):
    failed = factories.run_make(version, "failed", error={"code": "lost", "message": "x"})
    dear = factories.run_make(version, "succeeded", cost_usd=2.5)
    waits = factories.run_make(version, "waiting")
    factories.step_make(waits, "issue", "waiting", reason="incident")
    client.force_login(owner)

    found = {
        q: numbers(page(client, f"/runs/?q={q}"))
        for q in ("error:lost", "cost:>1", "waiting:incident", f"run:{dear.number}", "state:ended")
    }

    assert found == {
        "error:lost": [failed.number],
        "cost:>1": [dear.number],
        "waiting:incident": [waits.number],
        f"run:{dear.number}": [dear.number],
        "state:ended": [dear.number, failed.number],
    }


def test_a_live_refresh_keeps_the_rows_and_counts_new_ones(client, owner, version):
    first = factories.run_make(version, "running")
    client.force_login(owner)
    address = refresh_of(page(client, "/runs/?q=state:running"))
    newer = factories.run_make(version, "running")
    Run.objects.filter(pk=first.pk).update(state="waiting")

    body = page(client, address, headers=HTMX)

    assert numbers(body) == [first.number]
    assert "1 new" in body
    assert "Fits the filter no longer" in body
    assert numbers(page(client, "/runs/?q=state:running")) == [newer.number]


def test_a_view_is_kept_shared_and_taken_away_by_its_owner_only(client, owner, viewer, run):
    client.force_login(owner)
    client.post("/runs/views/", {"name": "Broken", "q": "state:failed", "is_shared": "on"})
    client.post("/runs/views/", {"name": "Mine", "q": "state:open"})
    view = SavedView.objects.get(name="Broken")

    client.force_login(viewer)
    body = page(client)
    refused = client.post(f"/runs/views/{view.pk}/delete/")

    assert ">Broken</b>" in body
    assert ">Mine</b>" not in body
    assert refused.status_code == 404
    assert AppEvent.objects.get(type="view.shared").data == {"query": "state:failed"}
    client.force_login(owner)
    client.post(f"/runs/views/{view.pk}/delete/")
    assert SavedView.objects.get().name == "Mine"


def test_a_view_of_nothing_is_not_kept(client, owner, run):
    client.force_login(owner)

    client.post("/runs/views/", {"name": "Odd", "q": "color:red"})

    assert not SavedView.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_few_runs_are_paused_at_once_and_each_has_its_result(client, owner, version):
    runs = [factories.run_make(version, state) for state in ("running", "succeeded")]
    client.force_login(owner)

    response = client.post(
        "/runs/bulk/", {"action": "pause", "run": [str(run.number) for run in runs]}
    )
    bulk_work(seconds=20)
    body = page(client, response["Location"])

    assert Run.objects.get(pk=runs[0].pk).state == "paused"
    assert "1 done, 1 refused" in body
    assert "not possible while the run is succeeded" in body


@pytest.mark.django_db(transaction=True)
def test_many_runs_are_asked_for_with_their_exact_number(client, owner, version):
    for _ in range(22):
        factories.run_make(version, "running")
    factories.run_make(version, "succeeded")
    client.force_login(owner)

    asked = client.post("/runs/bulk/", {"action": "pause", "all": "on", "q": "workflow:refund"})
    body = page(client, asked["Location"])

    assert "Pause 23 runs?" in body
    assert '<b class="b6">22</b> of them take it' in body
    assert "1 succeeded" in body
    assert not Run.objects.filter(state="paused").exists()
    operation = BulkOperation.objects.get()
    client.post(f"/runs/bulk/{operation.number}/start/", {"reason": "count stock"})
    bulk_work(seconds=60)
    assert Run.objects.filter(state="paused").count() == 22


@pytest.mark.django_db(transaction=True)
def test_cancelling_asks_for_a_reason_however_few(client, owner, run):
    client.force_login(owner)
    asked = client.post("/runs/bulk/", {"action": "cancel", "run": [str(run.number)]})

    refused = client.post(f"{asked['Location']}start/", {"reason": "", "rollback": "on"})

    assert refused.status_code == 422
    assert "needs a reason" in refused.content.decode()
    client.post(f"{asked['Location']}start/", {"reason": "wrong list"})
    bulk_work(seconds=20)
    run.refresh_from_db()
    assert run.state in ("cancelling", "cancelled")


@pytest.mark.django_db(transaction=True)
def test_only_who_counted_begins_and_strangers_see_nothing(client, owner, viewer, stranger, run):
    client.force_login(owner)
    asked = client.post("/runs/bulk/", {"action": "cancel", "run": [str(run.number)]})
    url = asked["Location"]

    client.force_login(viewer)
    seen = client.get(url).status_code
    refused = client.post(f"{url}start/", {"reason": "mine"}).status_code
    client.force_login(stranger)
    hidden = client.get(url).status_code

    assert (seen, refused, hidden) == (200, 403, 404)
    assert BulkOperation.objects.get().state == "proposed"


def test_a_viewer_ticks_for_export_only(client, viewer, run):
    client.force_login(viewer)

    refused = client.post("/runs/bulk/", {"action": "pause", "run": [str(run.number)]})
    taken = client.post("/runs/bulk/", {"action": "export_csv", "run": [str(run.number)]})

    assert refused.status_code == 302
    assert not BulkOperation.objects.exists()
    assert taken["Content-Disposition"] == 'attachment; filename="runs.csv"'
    assert str(run.pk) in taken.content.decode()


def test_compares_two_runs_and_shows_where_they_part(client, owner, version):
    a, b = factories.run_make(version, "succeeded"), factories.run_make(version, "failed")
    for one, text, city in ((a, "Draft a kind reply", "Oslo"), (b, "Draft a short reply", "Rome")):
        factories.step_make(one, "redact", "succeeded", output={"text": "x"})
        factories.step_make(
            one, "draft", "succeeded", input={"prompt": text}, output={"city": city}
        )
    factories.step_make(b, "issue", "failed", error={"code": "http", "message": "503"})
    factories.step_make(a, "payments", "succeeded", output=1)
    factories.step_make(b, "payments", "failed", error={"code": "late", "message": "too late"})
    client.force_login(owner)

    body = page(client, f"/runs/compare/?a={a.number}&b={b.number}")
    only = page(client, f"/runs/compare/?a={a.number}&b={b.number}&only=different")

    assert "They first differ at draft" in body
    assert "<del>kind</del><ins>short</ins>" in body
    assert "only in b" in body
    assert "none and too late" in body
    assert "redact" in body
    assert "redact" not in only


def test_comparing_wants_two_runs_that_one_may_see(client, owner, stranger, run):
    client.force_login(owner)
    one = client.post("/runs/bulk/", {"action": "compare", "run": [str(run.number)]})
    missing = client.get("/runs/compare/?a=1")
    client.force_login(stranger)
    hidden = client.get(f"/runs/compare/?a={run.number}&b={run.number}")

    assert one["Location"] == "/runs/"
    assert missing.status_code == 422
    assert hidden.status_code == 404
