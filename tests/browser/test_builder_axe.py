"""The builder is accessible with whatever is open on it, in light and in dark."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.canvas_hand import EDITOR, Hand
from tests.browser.test_canvas_undo import DRAFT
from tests.views import factories
from workflows_app.models import Workflow

MANY = {
    "id": "sort",
    "kind": "router",
    "with": {"model": "small", "labels": [f"label_{n}" for n in range(9)], "prompt": "Sort"},
}
OPEN = "dialog[open]"


@pytest.fixture
def hand(browser, server):
    space = factories.workspace_make()
    draft = {**DRAFT, "steps": [*DRAFT["steps"], MANY]}
    workflow = Workflow.objects.create(workspace=space, slug="deeds", name="Deeds", draft=draft)
    factories.version_make(workflow)
    browser.sign_in(factories.user_make("mira", space, ("viewer", "operator", "designer")))
    browser.script("localStorage.clear()")
    browser.open("/workflows/deeds/edit/")
    return Hand(browser)


def test_nothing_is_found_whatever_is_open(hand, browser):
    found = {"the page": browser.axe_both()}
    for tab in ("test", "changes", "versions"):
        browser.driver.find_element(By.CSS_SELECTOR, f"#dock .tabs [data-tab={tab}]").click()
        browser.until(
            f"document.querySelector('#dock-body').dataset.tab === '{tab}' &&"
            " document.querySelector('#dock-body').childElementCount &&"
            " !document.querySelector('.htmx-request, .htmx-settling')"
        )
        found[tab] = browser.axe_both("#dock")
    browser.script("document.querySelector('.react-flow__node').focus()")
    hand.keys("?")
    browser.until_there("#keys[open]")
    found["the keyboard's help"] = browser.axe_both("#keys")
    hand.keys(Keys.ESCAPE)
    browser.until("!document.querySelector('#keys[open]')")

    browser.script(f"{EDITOR}.select(['order.open'])")
    browser.script("document.querySelector('[data-id=\"order.open\"]').focus()")
    hand.keys("c")
    assert hand.said().startswith("Connecting. Target: Open")
    hand.keys(Keys.ENTER)
    browser.until_there(f"{OPEN} .trow")
    found["a transition"] = browser.axe_both(OPEN)
    hand.keys(Keys.ESCAPE)
    browser.until(f"!document.querySelector('{OPEN}')")

    browser.script("document.querySelector('[data-id=sort] > [data-handleid=\"…\"]').click()")
    browser.script("document.querySelector('[data-id=send] > .react-flow__handle.in').click()")
    browser.until_there(f"{OPEN} .choices")
    found["many ports"] = browser.axe_both(OPEN)
    hand.keys(Keys.ESCAPE)

    browser.open("/workflows/deeds/edit/states/?path=order")
    Hand(browser)
    found["states"] = browser.axe_both()
    browser.size(390, 844)
    browser.open("/workflows/deeds/edit/")
    Hand(browser)
    browser.driver.find_element(By.CSS_SELECTOR, ".bar .add").click()
    browser.until("document.activeElement.matches('.palette input')")
    found["the palette on a phone"] = browser.axe_both()

    assert {name: lines for name, lines in found.items() if lines} == {}
    assert browser.errors() == []
