"""A change in the database reaches an open page; what somebody is using stays untouched."""

import json

from django.db import connection

from tests.browser.scenes import scene
from tests.views import factories
from workflows_app.models import Run, StepRun

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
