"""A change in the database reaches an open page; what somebody is using stays untouched."""

import json

from django.db import connection

from tests.browser.scenes import scene
from tests.views import factories
from workflows_app.models import Run, StepRun
from workflows_app.services.events import Incoming, event_receive

LIVE = "document.documentElement.dataset.live === 'on'"


def tell(run):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('countersign', %s)", [json.dumps([str(run.pk)])])


def approve(run):
    StepRun.objects.filter(run=run, path="approve_refund").update(
        state="succeeded", reason=None, port="done"
    )
    factories.step_make(run, "issue", "running")
    Run.objects.filter(pk=run.pk).update(state="running")
    factories.event_make(
        run, "step.ended", path="approve_refund", generation=0, to_state="succeeded"
    )
    tell(run)


def test_an_open_run_shows_a_change_without_reloading(browser):
    found = scene()
    run = found["run"]
    browser.sign_in(found["owner"])
    browser.open(f"/runs/RUN-{run.number}/")
    browser.until(LIVE)
    browser.script("window.here = true")

    approve(run)

    browser.until("document.querySelector('.now').textContent.includes('Working on Issue')")
    assert browser.script("return window.here")
    assert browser.errors() == []


def test_the_list_of_runs_shows_a_new_state(browser):
    found = scene()
    run = found["run"]
    browser.sign_in(found["owner"])
    browser.open("/runs/")
    browser.until(LIVE)

    approve(run)

    browser.until(
        f"document.querySelector('#run-{run.number} .st').textContent.trim() === 'Running'"
    )


def test_an_open_form_keeps_what_is_being_written(browser):
    found = scene()
    run = found["run"]
    browser.sign_in(found["owner"])
    browser.open(f"/runs/RUN-{run.number}/")
    browser.until(LIVE)
    browser.script("document.querySelector('#run-actions details summary').click()")
    field = browser.driver.find_element("id", "cancel-reason")
    field.send_keys("Because I")

    approve(run)
    browser.until("document.querySelector('.now').textContent.includes('Working on Issue')")

    assert field.get_attribute("value") == "Because I"
    assert browser.script("return document.activeElement.id") == "cancel-reason"


def come(number, space):
    event = Incoming(id=str(number), source="/s", type=f"shop.number_{number}", data={})
    event_receive(workspace=space, event=event, actor="user:x", via="api")


def test_the_stream_of_events_is_live_and_space_holds_it_still(browser):
    found = scene()
    space = found["run"].workspace_id
    browser.sign_in(found["owner"])
    browser.open("/events/")
    browser.until(LIVE)
    come(1, space)
    browser.until("document.querySelector('#event-rows').textContent.includes('number_1')")

    press = "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: ' ', bubbles: true}))"
    browser.script(press)
    come(2, space)
    browser.until("document.querySelector('[data-pause-word]').textContent === 'Paused, 1 new'")
    shown = browser.script("return document.querySelector('#event-rows').textContent")
    browser.script(press)
    browser.until("document.querySelector('#event-rows').textContent.includes('number_2')")

    assert "number_2" not in shown
    browser.until("document.querySelector('[data-pause-word]').textContent === 'Pause'")
    assert browser.errors() == []


def test_space_on_a_button_of_the_stream_presses_that_button(browser):
    found = scene()
    browser.sign_in(found["owner"])
    browser.open("/events/")
    summary = browser.driver.find_element("css selector", "details.card summary")
    summary.send_keys(" ")

    browser.until("document.querySelector('details.card').open")
    assert browser.script("return document.querySelector('[data-pause]').ariaPressed") == "false"
