"""The canvas keeps what was done: two people at once, no connection, a closed tab, a viewer."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.canvas_hand import Hand
from tests.browser.test_canvas_edit import FLOW
from tests.views import factories
from workflows_app.core.definition.changes import change_read
from workflows_app.models import Workflow
from workflows_app.services.draft_changes import draft_change

KEPT = (
    "Object.keys(localStorage).filter((key) => key.startsWith('canvas:') && !key.endsWith(':open'))"
)
PROMPT = ["steps", "draft", "with", "prompt"]


@pytest.fixture
def space(server):
    space = factories.workspace_make()
    Workflow.objects.create(workspace=space, slug="flow", name="Flow", draft=FLOW)
    return space


@pytest.fixture
def designer(space):
    return factories.user_make("mira", space, ("viewer", "operator", "designer"))


@pytest.fixture
def colleague(space):
    return factories.user_make("jo", space, ("viewer", "designer"))


@pytest.fixture
def hand(browser, designer):
    browser.sign_in(designer)
    browser.script("localStorage.clear()")
    browser.open("/workflows/flow/edit/")
    return Hand(browser)


def changed_by(user, path, was, value):
    workflow = Workflow.objects.get(slug="flow")
    change = change_read({"path": path, "was": was, "value": value})
    draft_change(workflow=workflow, changes=[change], revision=workflow.revision, actor=user)


def offline(browser, is_off):
    conditions = {"offline": is_off, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.driver.execute_cdp_cmd("Network.enable", {})
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", conditions)


def kinds():
    return sorted(step["kind"] for step in Workflow.objects.get(slug="flow").draft["steps"])


def test_what_another_person_changed_elsewhere_is_merged(hand, colleague):
    changed_by(colleague, PROMPT, "{{ input }}", "Theirs: {{ input }}")
    hand.add("timer")
    hand.saved()

    draft = Workflow.objects.get(slug="flow").draft
    assert draft["steps"][0]["with"]["prompt"] == "Theirs: {{ input }}"
    assert kinds() == ["delay", "model", "transform"]
    assert hand.definition()["steps"][0]["with"]["prompt"] == "Theirs: {{ input }}"


def test_what_another_person_saves_arrives_while_the_page_is_open(hand, browser, colleague):
    browser.until("document.documentElement.dataset.live === 'on'")
    changed_by(colleague, PROMPT, "{{ input }}", "Theirs: {{ input }}")

    hand.until("editor.definition.steps[0].with.prompt === 'Theirs: {{ input }}'")
    browser.until("document.querySelector('#others').textContent.includes('jo saved')")
    browser.driver.find_element(By.CSS_SELECTOR, "[data-publish]").click()
    browser.until_there("dialog.publish[open] #note")
    assert browser.axe_both("dialog.publish") == []
    assert browser.errors() == []


@pytest.mark.parametrize(("button", "wins"), [("Keep all of yours", 2), ("Take all of theirs", 3)])
def test_a_real_conflict_shows_both_and_asks(hand, browser, colleague, button, wins):
    browser.deaf()
    step = FLOW["steps"][1]
    changed_by(colleague, ["steps", "send"], step, {**step, "with": {"value": 3}})
    browser.script(
        "const { editor } = document.querySelector('workflow-canvas');"
        "editor.edit('Set the value', (d) => ({...d, steps: d.steps.map((s) =>"
        " s.id === 'send' ? {...s, with: {value: 2}} : s)}))"
    )
    browser.until_there("dialog[open] fieldset")
    shown = browser.driver.find_element(By.CSS_SELECTOR, "dialog[open]").text
    assert "Theirs" in shown
    assert "Yours" in shown
    assert browser.axe_both("dialog[open]") == []
    browser.driver.find_element(By.XPATH, f"//dialog//button[text()='{button}']").click()
    hand.saved()

    sent = Workflow.objects.get(slug="flow").draft["steps"][1]
    assert sent["with"] == {"value": wins}
    assert hand.definition()["steps"][1]["with"] == {"value": wins}


def test_work_without_a_connection_is_kept_and_sent_later(hand, browser):
    offline(browser, True)
    hand.add("timer")
    hand.until("editor.saved === 'offline'")
    assert kinds() == ["model", "transform"]
    hand.add("merge")
    offline(browser, False)
    browser.script("dispatchEvent(new Event('online'))")
    hand.saved()

    assert kinds() == ["delay", "merge", "model", "transform"]


def test_work_that_could_not_be_sent_survives_the_page(hand, browser):
    offline(browser, True)
    hand.add("timer")
    hand.until("editor.saved === 'offline'")
    offline(browser, False)
    browser.open("/")
    browser.open("/workflows/flow/edit/")
    again = Hand(browser)
    again.saved()

    browser.until(f"{KEPT}.length === 0")
    assert kinds() == ["delay", "model", "transform"]
    assert again.drawn()["steps"] == ["delay:delay", "draft:model", "send:transform"]


def test_two_tabs_of_one_person_keep_what_each_did(hand, browser):
    first = browser.driver.current_window_handle
    offline(browser, True)
    hand.add("timer")
    hand.until("editor.saved === 'offline'")
    browser.driver.switch_to.new_window("tab")
    browser.size(1440, 960)
    try:
        browser.open("/workflows/flow/edit/")
        second = Hand(browser)
        second.add("merge")
        second.saved()
        assert kinds() == ["merge", "model", "transform"]
        browser.driver.switch_to.window(first)
        assert browser.script(f"return {KEPT}.length") == 1
        browser.driver.close()
    finally:
        browser.driver.switch_to.window(browser.driver.window_handles[-1])
    browser.open("/workflows/flow/edit/")
    again = Hand(browser)
    again.until("editor.definition.steps.length === 4")
    again.saved()

    assert kinds() == ["delay", "merge", "model", "transform"]
    assert browser.script(f"return {KEPT}.length") == 0


def test_leaving_at_once_loses_nothing(hand, browser):
    hand.add("timer")
    browser.open("/")
    browser.open("/workflows/flow/edit/")
    again = Hand(browser)
    again.saved()

    assert kinds() == ["delay", "model", "transform"]
    assert len(again.drawn()["steps"]) == 3


def test_a_field_saved_by_its_form_is_undone_on_the_canvas(hand, browser):
    browser.script("document.querySelector('.react-flow__node[data-id=\"draft\"]').focus()")
    hand.keys(Keys.HOME)
    browser.until_there('form[data-field="/with/prompt"] textarea')
    field = browser.driver.find_element(By.CSS_SELECTOR, 'form[data-field="/with/prompt"] textarea')
    field.send_keys(Keys.END, " please", Keys.TAB)
    hand.until("editor.history.done.length === 1")
    assert hand.definition()["steps"][0]["with"]["prompt"] == "{{ input }} please"
    browser.script("document.querySelector('.react-flow__node[data-id=\"draft\"]').focus()")
    hand.chord(Keys.CONTROL, "z")
    hand.until("editor.history.undone.length === 1")
    hand.saved()

    assert Workflow.objects.get(slug="flow").draft["steps"][0]["with"]["prompt"] == "{{ input }}"


def test_a_viewer_looks_and_never_writes(browser, space):
    viewer = factories.user_make("vic", space, ("viewer",))
    browser.sign_in(viewer)
    browser.open("/workflows/flow/edit/")
    hand = Hand(browser)
    browser.script("document.querySelector('.react-flow__node').focus()")
    hand.keys(Keys.DELETE, "n")

    assert browser.script("return document.querySelector('.palette')") is None
    assert len(hand.drawn()["steps"]) == 2
    assert Workflow.objects.get(slug="flow").revision == 1
