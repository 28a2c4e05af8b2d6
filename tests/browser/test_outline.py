"""The outline by keyboard alone: the refund workflow from nothing, published, run and approved."""

import json

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from approvals_app.models import ApprovalRequest
from tests.browser.property_hand import AHEAD, tabs_press
from tests.engine_harness import until
from tests.gallery.running import product_running
from workflows_app.gallery.load import gallery_load
from workflows_app.models import Run, Workflow
from workflows_app.services.people import person_create, workspace_default

FOCUSED = "document.activeElement?.matches(arguments[0])"


@pytest.fixture
def people(server, settings):
    settings.STAND_IN = True
    space = workspace_default()
    owner = person_create(username="owner", workspace=space, roles=["admin", "reviewer"])
    reviewer = person_create(username="reviewer", workspace=space, roles=["reviewer"])
    gallery_load(workspace=space, slugs=["refund"])
    return owner, reviewer


class Keyboard:
    """A person without a mouse: Tab goes on, Enter presses, letters choose and write."""

    def __init__(self, browser):
        self.browser = browser

    def press(self, *keys):
        for key in keys:  # to whatever has the focus by then: a saved field may be drawn anew
            ActionChains(self.browser.driver).send_keys(key).perform()

    def to(self, selector, most=60):
        """Press Tab until that element has the focus."""
        for _ in range(most):
            if self.browser.script(f"return {FOCUSED}", selector):
                return
            found = self.browser.driver.find_elements("css selector", selector)
            tabs_press(self.browser, self.browser.script(AHEAD, found[0]) if found else 1)
        at = self.browser.script("return document.activeElement?.outerHTML.slice(0, 200)")
        raise AssertionError(f"Tab never came to {selector}; it is at {at}")

    def follow(self, selector):
        """Go to a link or button and press it; the next page is there."""
        self.to(selector)
        self.browser.script("window.isOld = true")
        self.press(Keys.ENTER)
        self.browser.until("!window.isOld && document.readyState === 'complete'")

    def reveal(self, selector):
        """Open what is folded around an element, from the outside in."""
        folded = "details:not([open]):has({}) > summary"
        while self.browser.script(
            "return document.querySelector(arguments[0]) !== null", folded.format(selector)
        ):
            self.to(folded.format(selector))
            self.press(Keys.ENTER)
            self.browser.until("document.activeElement?.parentElement?.open")

    def write(self, selector, text):
        self.reveal(selector)
        self.to(selector)
        whole = ActionChains(self.browser.driver).key_down(Keys.CONTROL).send_keys("a")
        whole.key_up(Keys.CONTROL).perform()
        self.press(text)

    def choose(self, selector, letters):
        self.to(selector)
        self.press(letters)


def draft():
    return Workflow.objects.get(slug="refunds").draft


def steps():
    return {step["id"]: step for step in draft()["steps"]}


def labels():
    return steps()["classify"]["with"]["labels"]


def add(keys, kind, name, port=None):
    where = "after" if port else "root"
    if not port and steps():
        keys.to("details.adder summary")
        keys.press(Keys.ENTER)
    keys.choose(f"#kind-{where}", kind)
    keys.write(f"#id-{where}", name)
    if port:
        keys.choose(f"#port-{where}", port)
    keys.follow(f"form:has(#kind-{where}) button")
    assert name in steps()


def connect(keys, port, target):
    keys.choose("#connect-port", port)
    keys.choose("#connect-target", target)
    keys.follow("form:has(#connect-target) button")


def go(keys, name):
    """Walk the tree by arrow keys: it is one tab stop."""
    keys.to(".otree a.on")
    keys.press(Keys.HOME)
    for _ in steps():
        if keys.browser.script(f"return {FOCUSED}", f"a[href*='at={name}#']"):
            break
        keys.press(Keys.ARROW_DOWN)
    keys.follow(f"a.on[href*='at={name}#']")


def saved(condition):
    until(condition, seconds=20)


def settings_of(keys, name):
    keys.follow(f"a[href*='step/?path={name}']")
    keys.browser.until("window.htmx")


def back(keys):
    keys.browser.script("document.activeElement.blur(); scrollTo(0, 0)")
    keys.follow("a[href*='/edit/outline/']")


def test_the_refund_workflow_is_built_published_run_and_approved(browser, people):
    owner, reviewer = people
    keys = Keyboard(browser)
    browser.sign_in(owner)
    browser.open("/workflows/new/")
    keys.write("#name", "Refunds")
    keys.follow("form:has(#name) button")
    keys.follow("a[href$='/edit/outline/']")

    add(keys, "Rout", "classify")
    settings_of(keys, "classify")
    for place, label in enumerate(("refund", "technical")):
        keys.write(f"form[data-field='/with/labels'] [name='v/{place}']", label)
        keys.press(Keys.TAB)
        saved(lambda place=place, label=label: labels()[place] == label)
    back(keys)

    add(keys, "Mod", "draft", port="Ref")
    add(keys, "Too", "issue", port="Don")
    settings_of(keys, "issue")
    keys.write("#p-with-tool", "payments.refund")
    keys.press(Keys.TAB)
    saved(lambda: steps()["issue"]["with"]["tool"] == "payments.refund")
    back(keys)
    settings_of(keys, "issue")
    values = {"payment": "=input.payment", "amount": "=input.amount", "reason": "=input.message"}
    for place in range(3):
        key = f"form[data-field='/with/arguments'] [name='v/{place}/key']"
        name = browser.script("return document.querySelector(arguments[0]).value", key)
        keys.write(f"#p-with-arguments-{place}-v", values[name])
        keys.press(Keys.TAB)
        saved(lambda name=name: steps()["issue"]["with"]["arguments"].get(name) == values[name])
    gate = "form[data-field='/approval']"
    keys.to(f"details.ps:has({gate}) > summary")
    keys.press(Keys.ENTER)
    keys.to(f"{gate} button[value='on:v']")
    keys.press(Keys.ENTER)
    saved(lambda: steps()["issue"].get("approval") is not None)
    browser.until("document.querySelector('#p-approval-summary')")
    for name, value in (("summary", "Refund {{ input.amount }}"), ("deadline", "12h")):
        keys.write(f"#p-approval-{name}", value)
        keys.press(Keys.TAB)
        saved(lambda name=name, value=value: steps()["issue"]["approval"].get(name) == value)
    keys.browser.script("document.activeElement.blur()")
    keys.write("#p-approval-assignees-0", "group:refund-approvers")
    keys.press(Keys.TAB)
    approvers = ["group:refund-approvers"]
    saved(lambda: steps()["issue"]["approval"].get("assignees") == approvers)
    back(keys)

    add(keys, "App", "by_hand", port="Rej")
    add(keys, "Tra", "unanswered", port="Exp")
    go(keys, "classify")
    connect(keys, "Tec", "By")
    connect(keys, "Def", "By")
    go(keys, "issue")
    connect(keys, "Exp", "By")
    go(keys, "by_hand")
    connect(keys, "Rej", "Una")

    edges = {(edge["from"], edge["to"]) for edge in draft()["edges"]}
    assert edges == {
        ("classify.refund", "draft"),
        ("draft", "issue"),
        ("issue.rejected", "by_hand"),
        ("by_hand.expired", "unanswered"),
        ("classify.technical", "by_hand"),
        ("classify.default", "by_hand"),
        ("issue.expired", "by_hand"),
        ("by_hand.rejected", "unanswered"),
    }

    keys.follow("a[href$='/publish/']")
    keys.write("#note", "Built by keyboard")
    keys.follow("form:has(#note) button.p")
    keys.follow("a[href='/runs/start/refunds/']")
    value = {"payment": "P-7003", "amount": 740, "message": "Please give me my refund back"}
    keys.write("#json", json.dumps(value))
    with product_running():
        keys.follow("footer button[value='start']")
        run = Run.objects.get(workflow__slug="refunds")
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
    assert (run.mode, run.state, run.error) == ("live", "succeeded", None)
    assert (request.path, request.state) == ("issue", "approved")
    assert browser.errors() == []


@pytest.mark.parametrize("width", [1440, 390])
def test_pages_of_drafts_have_no_accessibility_violation(browser, people, width):
    browser.sign_in(people[0])
    browser.size(width, 900)
    violations, wide = {}, {}

    for path in (
        "/workflows/new/",
        "/workflows/refund/edit/outline/?at=issue",
        "/workflows/refund/edit/test/?example=0",
        "/workflows/refund/edit/test/step/?path=issue",
        "/workflows/refund/versions/",
        "/workflows/refund/diff/1..draft/",
        "/workflows/refund/publish/",
        "/workflows/",
    ):
        browser.open(path)
        violations[path] = browser.axe_both()
        wide[path] = browser.script("return document.documentElement.scrollWidth") > width

    assert {path: lines for path, lines in violations.items() if lines} == {}
    assert [path for path, is_wide in wide.items() if is_wide] == []
    assert browser.errors() == []


def test_the_outline_works_without_scripts(browser, people):
    browser.sign_in(people[0])
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.driver.get(f"{browser.address}/workflows/refund/edit/outline/?at=issue")
        browser.until_there("#id-after")
        browser.driver.find_element("css selector", "#id-after").send_keys("tell", Keys.ENTER)
        browser.until_there("a.on.cur[href*='at=tell']")
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})

    draft = Workflow.objects.get(slug="refund").draft
    assert draft["steps"][-1]["id"] == "tell"
    assert {"from": "issue", "to": "tell"} in draft["edges"]
