"""Two persons in two windows of their own: edits meet by step, a conflict asks, nothing is lost."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.canvas_hand import Hand
from tests.browser.conftest import Browser, driver_start
from tests.browser.test_canvas_edit import FLOW
from tests.engine_harness import until
from tests.views import factories
from workflows_app.models import Workflow

PROMPT = 'form[data-field="/with/prompt"] textarea'


@pytest.fixture
def other(server, tmp_path):
    """Give a second browser, with a profile of its own."""
    driver = driver_start(tmp_path)
    page = Browser(driver, server)
    page.size(1440, 960)
    yield page
    driver.quit()


@pytest.fixture
def windows(browser, other):
    space = factories.workspace_make()
    Workflow.objects.create(workspace=space, slug="flow", name="Flow", draft=FLOW)
    hands = []
    for name, page in (("mira", browser), ("jo", other)):
        page.sign_in(factories.user_make(name, space, ("viewer", "designer")))
        page.script("localStorage.clear()")
        page.open("/workflows/flow/edit/?step=draft")
        hands.append(Hand(page))
        page.until("document.documentElement.dataset.live === 'on'")
    return hands


def written(hand, text):
    field = hand.driver.find_element(By.CSS_SELECTOR, PROMPT)
    field.send_keys(Keys.END, text, Keys.TAB)


def draft():
    return Workflow.objects.get(slug="flow").draft


def test_two_persons_edit_at_once(windows):
    mira, jo = windows

    written(mira, " please")
    jo.until("editor.definition.steps[0].with.prompt === '{{ input }} please'")
    jo.add("timer")
    mira.until("editor.graph.boxes.has('delay')")
    mira.browser.until("document.querySelector('[data-id=delay]')")
    jo.choose("draft")
    jo.browser.until(f"document.querySelector('{PROMPT}')?.value === '{{{{ input }}}} please'")

    jo.browser.deaf()
    written(mira, " now")
    until(lambda: draft()["steps"][0]["with"]["prompt"] == "{{ input }} please now")
    written(jo, " soon")
    jo.browser.until("document.querySelector('.theirs')")
    shown = jo.driver.find_element(By.CSS_SELECTOR, ".theirs").text
    assert "{{ input }} please now" in shown
    assert jo.driver.find_element(By.CSS_SELECTOR, PROMPT).get_attribute("value").endswith("soon")
    jo.driver.find_element(By.XPATH, "//button[text()='Keep mine']").click()
    mira.until("editor.definition.steps[0].with.prompt === '{{ input }} please soon'")

    jo.browser.script("document.querySelector('.react-flow__node').focus()")
    jo.add("merge")
    first = jo.driver.current_window_handle
    jo.driver.switch_to.new_window("tab")
    last = jo.driver.current_window_handle
    jo.driver.switch_to.window(first)
    jo.driver.close()
    jo.driver.switch_to.window(last)
    mira.until("editor.graph.boxes.has('merge')")
    assert [step["id"] for step in draft()["steps"]] == ["draft", "send", "delay", "merge"]
    assert mira.browser.errors() == []
