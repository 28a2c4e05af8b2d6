"""What was learned, in a real browser: accessible, inside its width, and usable."""

from tests.browser.learning_scene import learned
from workflows_app.models import Workflow


def paths(found):
    gate = f"/autonomy/?workflow={found['slug']}&gate=issue&risk=low"
    return [
        "/autonomy/",
        f"{gate}&change=relax",
        f"{gate}&change=tighten",
        f"{gate}&rule=proposal.arguments.amount",
        "/escalation/",
        "/me/",
        *(f"/approvals/?open=APR-{one.number}" for one in found["requests"].values()),
    ]


def test_no_page_has_an_accessibility_violation_in_light_or_dark(browser):
    found = learned()
    browser.sign_in(found["olga"])
    violations = {}

    for path in paths(found):
        browser.open(path)
        violations[path] = browser.axe_both()

    assert {path: lines for path, lines in violations.items() if lines} == {}
    assert browser.errors() == []


def test_no_page_scrolls_sideways_on_a_phone(browser):
    found = learned()
    browser.sign_in(found["anna"])
    wide = {}

    for path in paths(found):
        wide |= browser.too_wide(path)

    assert wide == {}


def test_a_suggestion_becomes_a_draft_by_two_clicks(browser):
    found = learned()
    browser.sign_in(found["anna"])
    browser.open("/autonomy/")
    browser.script("document.querySelector('a[href*=\"change=relax\"]').click()")
    browser.until("document.querySelector('#simulation form[method=post] button')")
    rule = browser.script("return document.getElementById('rule').value")

    browser.script("document.querySelector('#simulation form[method=post] button').click()")

    browser.until("location.pathname.endsWith('..draft/')")
    draft = Workflow.objects.get(slug=found["slug"]).draft
    assert rule == "proposal.arguments.amount <= 136.0"
    assert draft["steps"][0]["approval"]["relax"]["when"] == rule


def test_a_close_deadline_is_told_once_and_politely(browser):
    found = learned()
    browser.sign_in(found["anna"])
    browser.open(f"/approvals/?open=APR-{found['requests']['odd'].number}")
    spoken = "document.getElementById('due-told').textContent"
    assert browser.script(f"return {spoken}") == ""

    for seconds, words in ((290, "5 minutes left"), (50, "One minute left")):
        browser.script(
            "document.querySelector('[data-due]').dataset.due ="
            f" new Date(Date.now() + {seconds * 1000}).toISOString()"
        )
        browser.until(f"{spoken}.includes('{words}')")

    assert (
        browser.script("return document.getElementById('due-told').getAttribute('aria-live')")
        == "polite"
    )
