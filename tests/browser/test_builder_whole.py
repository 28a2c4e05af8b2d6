"""The gallery's refund workflow from nothing to a finished run: by mouse, and by keyboard."""

import json

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from approvals_app.models import ApprovalRequest
from tests.browser.canvas_hand import EDITOR, Hand, Walk
from tests.browser.property_hand import Fields, KeyFields
from tests.browser.refund_flow import KINDS, comparable, gallery, step_fill, workflow_fill
from tests.browser.test_outline import Keyboard, people  # noqa: F401 (a fixture)
from tests.engine_harness import until
from tests.gallery.running import product_running
from workflows_app.gallery.catalog import sample_get
from workflows_app.models import Run, Workflow

NAME, SLUG = "Refund triage", "refund-triage"
PLACES = {
    "classify": (-100, -300),
    "draft": (60, -190),
    "issue": (120, -60),
    "explain": (120, 90),
    "by_hand": (-240, -60),
    "unanswered": (-240, 90),
}


@pytest.fixture
def keys(browser, people):  # noqa: F811
    """Give the keyboard of the owner, who has just named a new workflow."""
    keys = Keyboard(browser)
    browser.sign_in(people[0])
    browser.script("localStorage.clear()")
    browser.open("/workflows/new/")
    keys.write("#name", NAME)
    keys.follow("form:has(#name) button")
    return keys


def edges():
    """Give `(from, port, to)` of each connection to be drawn."""
    for edge in gallery()["edges"]:
        source, _, port = edge["from"].partition(".")
        yield source, port or "done", edge["to"]


def drawn():
    return comparable(Workflow.objects.get(slug=SLUG).draft)


def finished_run(browser, keys, reviewer):
    """Start a run of what was published; its reviewer approves by one key."""
    keys.follow("button[value='as:json']")
    keys.write("#json", json.dumps(sample_get("refund").definition["input"]["examples"][0]))
    with product_running():
        keys.follow("footer button[value='start']")
        run = Run.objects.get(workflow__slug=SLUG)
        until(lambda: ApprovalRequest.objects.filter(run_id=run.pk).exists(), seconds=60)
        browser.open("/me/")  # leaves the page of the run before the owner signs out
        browser.driver.delete_all_cookies()
        browser.sign_in(reviewer)
        browser.open("/approvals/")
        browser.until("document.documentElement.dataset.live === 'on'")
        keys.press("a")
        until(lambda: Run.objects.get(pk=run.pk).finished_at is not None, seconds=60)
    run.refresh_from_db()
    request = ApprovalRequest.objects.get(run_id=run.pk)
    return (run.mode, run.state, run.error, request.path, request.state)


def test_the_refund_workflow_is_drawn_by_mouse_published_run_and_approved(browser, people, keys):  # noqa: F811
    hand, fields = Hand(browser), Fields(browser)
    browser.driver.find_element(By.CSS_SELECTOR, "[data-close-dock]").click()
    workflow_fill(fields)
    for name, (_, label) in KINDS.items():
        hand.drop(label, *PLACES[name])
        step_fill(fields, name)
    for source, port, target in edges():
        assert hand.draw(source, port, target) == ""
    hand.saved()

    assert drawn() == gallery()

    browser.driver.find_element(By.CSS_SELECTOR, "a[href$='/publish/']").click()
    browser.until("document.querySelector('#note')?.checkVisibility()")
    browser.driver.find_element(By.CSS_SELECTOR, "#note").send_keys("Drawn by hand")
    browser.driver.find_element(By.CSS_SELECTOR, "form:has(#note) button.p").click()
    until(lambda: Workflow.objects.get(slug=SLUG).versions.filter(number=1).exists())
    browser.until(
        f"location.pathname === '/workflows/{SLUG}/' && document.readyState === 'complete'"
    )
    browser.open(f"/runs/start/{SLUG}/")
    run = finished_run(browser, keys, people[1])
    assert run == ("live", "succeeded", None, "issue", "approved")
    assert browser.errors() == []


def test_the_refund_workflow_is_drawn_by_keys_published_run_and_approved(browser, people, keys):  # noqa: F811
    hand, fields = Hand(browser), KeyFields(browser)
    walk = Walk(hand)
    workflow_fill(fields)
    for name, (kind, _) in KINDS.items():
        add(hand, fields, kind, is_after=name in ("draft", "issue"))
        hand.keys(Keys.ENTER)
        step_fill(fields, name)
        hand.keys(Keys.ESCAPE)
        browser.until(f"document.activeElement.dataset.id === '{name}'")
    assert hand.drawn()["edges"] == ["classify.refund>draft", "draft>issue"]
    for source, port, target in edges():
        if (source, target) not in (("classify", "draft"), ("draft", "issue")):
            walk.connect(source, port, target)
    walk.to("explain")
    before = hand.definition().get("layout", {}).get("explain")
    hand.keys("m", Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ENTER)
    hand.saved()

    assert drawn() == gallery()
    assert Workflow.objects.get(slug=SLUG).draft["layout"]["explain"] != before

    fields.reach(browser.driver.find_element(By.CSS_SELECTOR, "a[href$='/publish/']"))
    hand.keys(Keys.ENTER)
    browser.until("document.querySelector('#note')?.checkVisibility()")
    keys.write("#note", "Drawn by keys")
    keys.to("form:has(#note) button.p")
    hand.keys(Keys.ENTER)
    until(lambda: Workflow.objects.get(slug=SLUG).versions.filter(number=1).exists())
    browser.until(
        f"location.pathname === '/workflows/{SLUG}/' && document.readyState === 'complete'"
    )
    browser.open(f"/runs/start/{SLUG}/")
    run = finished_run(browser, keys, people[1])
    assert run == ("live", "succeeded", None, "issue", "approved")
    assert browser.errors() == []


def add(hand, fields, kind, *, is_after):
    """Add a step by its name: the first from the palette, the others with N."""
    count = hand.browser.script(f"return {EDITOR}.history.done.length")
    if hand.active():
        hand.keys(*([] if is_after else [Keys.ESCAPE]), "n")
        hand.browser.until("document.activeElement.matches('.palette input')")
    else:
        palette = hand.driver.find_element(By.CSS_SELECTOR, ".palette input")
        fields.reach(palette)
    hand.keys(kind, Keys.ENTER)
    hand.until(f"editor.history.done.length > {count}")
    hand.until("document.activeElement.dataset.id === editor.active")
