"""The start form in a browser: lists within lists keep their places."""

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.views import factories
from workflows_app.models import Run
from workflows_app.services.definitions import workflow_create, workflow_publish

TAGS = {"type": "array", "items": {"type": "string"}}
LINE = {"type": "object", "properties": {"item": {"type": "string"}, "tags": TAGS}}
DEFINITION = {
    "format": 1,
    "name": "Lines",
    "input": {"type": "object", "properties": {"lines": {"type": "array", "items": LINE}}},
    "steps": [{"id": "echo", "kind": "transform", "with": {"value": "=input"}}],
    "edges": [],
}


def test_a_list_within_an_added_item_knows_its_place(browser):
    space = factories.workspace_make()
    owner = factories.user_make("mira", space, ("viewer", "operator", "designer"))
    made = workflow_create(
        name="Lines", slug="lines", definition=DEFINITION, actor=owner, workspace=space
    )
    workflow_publish(workflow=made, revision=1, actor=owner, note="First")
    browser.sign_in(owner)
    browser.open("/runs/start/lines/")

    add = "button[data-list='{}']"
    for _ in range(2):
        browser.driver.find_element(By.CSS_SELECTOR, add.format("f-lines-list")).click()
    browser.driver.find_element(By.CSS_SELECTOR, add.format("f-lines-1-tags-list")).click()

    inputs = "[...document.querySelectorAll('#f-lines-list input:not([type=hidden])')]"
    names = f"return {inputs}.map((one) => one.name)"
    assert browser.script(names) == ["f:/lines/0/item", "f:/lines/1/item", "f:/lines/1/tags/0"]

    # What was added has the focus; a row goes up by its button, which keeps the focus.
    write(browser, "one tag")
    focus(browser, "f:/lines/0/item")
    write(browser, "first")
    focus(browser, "f:/lines/1/item")
    write(browser, "second")
    up = browser.driver.find_elements(
        By.CSS_SELECTOR, "#f-lines-list > * > .aacts > [data-up-item]"
    )
    up[1].send_keys(Keys.ENTER)
    assert browser.script(names)[0] == "f:/lines/1/item"
    places = "return [...document.querySelectorAll('#f-lines-list > * > fieldset > legend')]"
    assert browser.script(f"{places}.map((one) => one.firstChild.data)") == ["1", "2"]
    assert up[1].get_attribute("disabled") is not None
    browser.driver.find_element(By.CSS_SELECTOR, "footer button[value=start]").click()
    browser.until("location.pathname.startsWith('/runs/RUN')")
    lines = [{"item": "second", "tags": ["one tag"]}, {"item": "first"}]
    assert Run.objects.get().input == {"lines": lines}


def focus(browser, name):
    browser.driver.find_element(By.NAME, name).click()


def write(browser, text):
    browser.driver.switch_to.active_element.send_keys(text)
