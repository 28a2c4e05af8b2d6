"""The page of guardrails and budgets: what is in force, what tripped, what is left."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from tests.engine_harness import version_make
from workflows_app.agents.core.forecasts import window_share
from workflows_app.agents.models import Spend
from workflows_app.models import Run, RunEvent, Workspace
from workflows_app.services import guardrails

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _fresh():
    guardrails._installation.clear()


def spend(scope, usd):
    Spend.objects.create(scope=scope, day=timezone.now().date(), usd=usd)


def rail(usd, per, **more):
    return {"check": "budget", "usd": usd, "per": per, **more}


def step(*rails):
    given = {"id": "a", "kind": "transform", "with": {"value": 1}}
    return {**given, "guardrails": list(rails)} if rails else given


def page(client, owner):
    client.force_login(owner)
    return client.get("/guardrails/", headers=HTMX).content.decode()


def test_each_budget_is_a_bar_with_what_was_spent(client, owner, workspace):
    Workspace.objects.filter(pk=workspace.pk).update(
        slug="test", settings={"guardrails": [rail(100.0, "month", on_trip="hold")]}
    )
    version = version_make([step()], guardrails=[rail(10.0, "day")], limits={"budget_usd": 2.0})
    spend(version.workflow_id, 8.5)
    spend(workspace.pk, 100.5)
    run = Run.objects.create(
        workspace=workspace,
        workflow=version.workflow,
        version=version,
        state="running",
        input={},
        cost_usd=0.5,
        deadline_at=timezone.now(),
    )

    body = page(client, owner)

    bars = [line for line in body.split("<tr data-row>") if 'class="used' in line]
    assert [bar.split('% used"')[0].rsplit('"', 1)[1] for bar in bars] == ["100", "85", "25"]
    assert "Whole workspace" in bars[0]
    assert "asks for more" in bars[0]
    assert ("$8.50 of $10.00" in bars[1], "the step fails" in bars[1]) == (True, True)
    assert f"RUN-{run.number}" in bars[2]


def test_each_check_names_where_it_is_and_how_often_it_tripped(client, owner, workspace, run):
    Workspace.objects.filter(pk=workspace.pk).update(slug="test")
    version_make([step({"check": "patterns", "deny": ["x"]})], guardrails=[{"check": "judge"}])
    for number, observed in enumerate([False, False, True]):
        RunEvent.objects.create(
            run=run,
            sequence=900 + number,
            at=timezone.now(),
            type="guardrail.tripped",
            data={"check": "patterns", "on_trip": "block", "observed": observed},
        )

    body = page(client, owner)

    row = next(one for one in body.split("<tr data-row>") if "Patterns" in one)
    assert 'data-label="Acted">2<' in row
    assert 'data-label="Noted">1<' in row
    assert '<span class="t3 f12 mono">a</span>' in row


def test_without_any_the_page_says_how_to_set_them(client, owner, workspace):
    body = page(client, owner)

    assert "Nothing bounds what models may cost" in body
    assert client.get("/guardrails/").status_code == 200


@pytest.mark.parametrize(
    ("per", "at", "share"),
    [
        ("day", datetime(2026, 2, 3, 12, tzinfo=UTC), 0.5),
        ("month", datetime(2026, 2, 1, tzinfo=UTC), 0.0),
        ("month", datetime(2026, 2, 15, tzinfo=UTC), 0.5),
    ],
)
def test_a_window_goes_from_its_beginning_to_its_end(per, at, share):
    assert window_share(per, at) == share
