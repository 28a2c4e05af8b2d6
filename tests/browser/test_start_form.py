"""The start form in a browser: lists within lists keep their places."""

from selenium.webdriver.common.by import By

from tests.views import factories
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

    names = "return [...document.querySelectorAll('#f-lines-list input')].map((one) => one.name)"
    assert browser.script(names) == ["f:/lines/0/item", "f:/lines/1/item", "f:/lines/1/tags/0"]
