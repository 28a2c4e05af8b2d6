"""The canvas of a run: states as they come, the path taken, counts, and selection both ways."""

import json

import pytest
from django.db import connection
from django.utils import timezone

from tests.browser.canvas_hand import BLANK, Hand
from tests.views import factories
from workflows_app.models import Scope, StepRun

BRANCHES = [{"port": "yes", "when": "true"}]
BODY = {"steps": [{"id": "label", "kind": "transform", "with": {"value": "=item"}}], "edges": []}
DEFINITION = {
    **BLANK,
    "steps": [
        {
            "id": "check",
            "kind": "decision",
            "with": {"branches": [{"port": "yes", "when": "true"}]},
        },
        {"id": "each", "kind": "map", "with": {"items": "=[1, 2]", "body": BODY}},
        {"id": "other", "kind": "transform", "with": {"value": 1}},
    ],
    "edges": [{"from": "check.yes", "to": "each"}, {"from": "check.default", "to": "other"}],
}


@pytest.fixture
def run(server):
    space = factories.workspace_make()
    version = factories.version_make(factories.workflow_make(space))
    version.definition = DEFINITION
    version.save(update_fields=["definition"])
    run = factories.run_make(version, "running")
    factories.step_make(run, "check", "succeeded", kind="decision", port="yes")
    each = factories.step_make(run, "each", "running", kind="map", is_container=True)
    for index, state in enumerate(["ended", "open", "pending"]):
        Scope.objects.create(
            run=run,
            kind="item",
            path=f"each[{index}]",
            position=index,
            state=state,
            container_id=each.pk,
        )
    factories.step_make(run, "other", "skipped", kind="transform")
    return run


@pytest.fixture
def hand(browser, run):
    browser.sign_in(factories.user_make("mira", run.workspace, ("viewer", "operator")))
    browser.open(f"/runs/RUN-{run.number}/")
    return Hand(browser)


def end_each(run):
    """Write what the engine writes when the map has ended, and nudge the browsers."""
    StepRun.objects.filter(run=run, path="each").update(
        state="succeeded", port="done", finished_at=timezone.now()
    )
    Scope.objects.filter(run=run, kind="item").update(state="ended")
    factories.event_make(run, "step.ended", path="each", generation=0, to_state="succeeded")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('countersign', %s)", [json.dumps([str(run.pk)])])


def words(browser, path):
    return browser.script(
        "return document.querySelector(`.react-flow__node[data-id='${arguments[0]}']`).innerText",
        path,
    )


def test_states_counts_and_the_path_taken_are_shown_and_follow_the_run(hand, browser, run):
    assert "1 of 3" in words(browser, "each")
    ways = browser.script(
        "return [...document.querySelectorAll('.react-flow__edge-path')].map((one) =>"
        " one.id + ' ' + (one.classList.contains('taken') ? 'taken' : 'dead'))"
    )
    assert sorted(ways) == ["|check.default>other dead", "|check.yes>each taken"]
    assert browser.script("return document.querySelectorAll('.mark.cur').length") == 1

    browser.until("document.documentElement.dataset.live === 'on'")
    kept = browser.script("return (window.kept = document.querySelector('.react-flow')) !== null")
    end_each(run)

    browser.until(
        "document.querySelector(`.react-flow__node[data-id='each']`).innerText.includes('3 of 3')"
    )
    assert kept
    assert browser.script("return window.kept === document.querySelector('.react-flow')")
    assert browser.errors() == []


def test_a_step_chosen_on_the_canvas_is_chosen_on_the_page(hand, browser):
    hand.box("check").click()

    browser.until("document.querySelector('#run-live').dataset.step === 'check'")
    browser.until("location.search === '?step=check'")
    assert browser.script("return document.querySelector('workflow-canvas .react-flow') !== null")


@pytest.mark.parametrize("path", ["each[1].label", "other.turn[0].reply"])
def test_an_address_of_a_step_inside_stays_as_it_is(hand, browser, run, path):
    """The canvas marks the box that stands for it: a map counts its items, an agent is one box."""
    agent = {"id": "other", "kind": "agent", "with": {"model": "small", "prompt": "Answer"}}
    run.version.definition = {**DEFINITION, "steps": [*DEFINITION["steps"][:2], agent]}
    run.version.save(update_fields=["definition"])
    for place in ("each[0].label", "each[1].label", "other.turn[0].reply"):
        factories.step_make(run, place, "succeeded", kind="transform")

    browser.open(f"/runs/RUN-{run.number}/?step={path}")
    browser.until("document.querySelector('workflow-canvas .react-flow__node.selected')")
    browser.until("document.documentElement.dataset.live === 'on'")
    browser.script("document.body.dispatchEvent(new CustomEvent('run-changed'))")
    browser.until("document.querySelector('#run-live').dataset.step")

    chosen = browser.script("return document.querySelector('#run-live').dataset.step")
    shown = browser.script("return new URLSearchParams(location.search).get('step')")
    assert (chosen, shown) == (path, path)


def test_nothing_of_a_run_can_be_changed(hand, browser):
    browser.script("document.querySelector('.react-flow__node').focus()")
    hand.keys("n", "c", "\ue017")

    assert browser.script("return document.querySelector('.palette')") is None
    assert len(hand.definition()["steps"]) == 3
