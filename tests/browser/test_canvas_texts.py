"""What a definition holds comes through the canvas unchanged, and its texts are never markup."""

import json

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.canvas_hand import BLANK, EDITOR, Hand
from tests.builder.definitions import every_kind, everything
from tests.builder.test_form_round_trip import FULL, WORKFLOW
from tests.views import factories
from workflows_app.core.definition.check import definition_digest, without_layout
from workflows_app.models import Workflow

EVIL = '<img src="//evil.invalid/x" onerror="window.owned=1"><script>window.owned=1</script>'
PORT = "<img src=x onerror=window.owned=1>"
STRUCTURAL = {"id", "kind", "from", "to", "check", "type", "initial", "agree", "for"}


@pytest.fixture
def space(server):
    return factories.workspace_make()


@pytest.fixture
def designer(space):
    return factories.user_make("mira", space, ("viewer", "operator", "designer"))


@pytest.fixture
def at(browser, designer):
    browser.sign_in(designer)
    browser.script("localStorage.clear()")

    def at(path):
        browser.open(path)
        return Hand(browser)

    return at


def held(slug):
    return Workflow.objects.get(slug=slug).draft


def by_id(definition):
    found = without_layout(definition)
    edges = sorted(found["edges"], key=json.dumps)
    return {**found, "steps": sorted(found["steps"], key=lambda one: one["id"]), "edges": edges}


def test_every_kind_with_every_attribute_comes_back_unchanged(at, browser, space):
    full = {**WORKFLOW, **everything(FULL)}
    Workflow.objects.create(workspace=space, slug="all", name="All", draft=full)
    Workflow.objects.create(workspace=space, slug="blank", name="Blank", draft=BLANK)
    grant = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    browser.driver.execute_cdp_cmd("Browser.grantPermissions", grant)
    hand = at("/workflows/all/edit/")
    assert hand.browser.script(f"return {EDITOR}.graph.boxes.size") > len(full["steps"])
    browser.script("document.querySelector('#canvas').show('s_end')")
    browser.until("document.activeElement.dataset.id === 's_end'")
    ends = "return [...arguments].map((one) => document.querySelector(one).getBoundingClientRect())"
    box, overview = browser.script(ends, "[data-id=s_end]", ".overview")
    assert box["bottom"] <= overview["top"]

    hand.chord(Keys.SHIFT, "t")
    hand.until("editor.history.done.length === 1")
    hand.saved()
    assert held("all")["layout"] != full["layout"]
    assert definition_digest(held("all")) == definition_digest(full)
    hand.keys("m", Keys.ARROW_RIGHT, Keys.ENTER)
    hand.chord(Keys.CONTROL, "z")
    hand.chord(Keys.CONTROL, "z")
    hand.saved()
    assert held("all") == full

    hand.chord(Keys.CONTROL, "a")
    hand.chord(Keys.CONTROL, "c")
    blank = at("/workflows/blank/edit/")
    browser.driver.find_element(By.CSS_SELECTOR, ".react-flow__pane").click()
    blank.chord(Keys.CONTROL, "v")
    blank.until("editor.definition.steps.length > 1")
    blank.saved()
    copied, wanted = by_id(held("blank")), by_id(full)
    assert copied["steps"] == wanted["steps"]
    assert copied["edges"] == wanted["edges"]
    assert browser.errors() == []


def evil(value, key=""):
    """Give a definition where every text that people write is markup."""
    if isinstance(value, dict):
        return {name: evil(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [evil(item, key) for item in value]
    return value if key in STRUCTURAL or not isinstance(value, str) else EVIL


def evil_draft():
    found = evil({**WORKFLOW, **everything(FULL)})
    by_name = {step["id"]: step for step in found["steps"]}
    by_name["s_router"]["with"]["labels"] = [PORT, EVIL]
    by_name["s_decision"]["with"]["branches"] = [{"port": PORT, "when": EVIL}]
    by_name["s_state_machine"]["with"] = {
        "initial": PORT,
        "states": {PORT: {"timeout": {"after": EVIL, "trigger": EVIL}}, EVIL: {"terminal": True}},
        "transitions": [{"trigger": EVIL, "from": PORT, "to": EVIL, "guard": EVIL}],
    }
    found["edges"] += [
        {"from": f"s_router.{PORT}", "to": "s_end"},
        {"from": f"s_decision.{PORT}", "to": "s_end"},
    ]
    return found


def unharmed(browser):
    """Nothing of the texts became an element, asked for something or ran."""
    found = browser.script(
        "return [window.owned ?? 0, document.querySelectorAll('[onerror], img').length,"
        " performance.getEntriesByType('resource').map((one) => one.name)"
        ".filter((name) => !name.startsWith(location.origin))]"
    )
    assert found == [0, 0, []]
    assert browser.errors() == []


def test_texts_of_a_draft_are_never_markup(at, browser, space, client, designer):
    workflow = Workflow.objects.create(workspace=space, slug="evil", name=EVIL, draft=evil_draft())
    hand = at("/workflows/evil/edit/")
    assert hand.box("s_model").text.startswith("<img")
    unharmed(browser)
    for name in ("s_router", "s_state_machine"):
        browser.script(f"{EDITOR}.select(['{name}'])")
        browser.until(f"document.querySelector('#properties .ph').dataset.path === '{name}'")
        unharmed(browser)
    client.force_login(designer)
    for kind in every_kind()["steps"]:
        address = f"/workflows/evil/edit/step/?path={kind['id']}"
        form = client.get(address, headers={"HX-Request": "true"}).content.decode()
        assert ("<img" in form, "&lt;img" in form) == (False, True), kind["id"]
    browser.script("document.querySelector('.react-flow__node').focus()")
    hand.keys(Keys.HOME, "c", Keys.ESCAPE)
    hand.browser.script(f"{EDITOR}.select(['s_model'])")
    hand.keys(Keys.DELETE)
    assert hand.said() == f"Deleted {EVIL}."
    hand.saved()
    browser.driver.find_element(By.CSS_SELECTOR, "[data-publish]").click()
    browser.until("document.querySelector('dialog.publish[open]')")
    unharmed(browser)

    version = factories.version_make(workflow)
    version.definition = version.expanded = {**workflow.draft, "limits": {}}
    version.note = EVIL
    version.save()
    problem = {"code": "bad", "message": EVIL, "path": "s_tool"}
    run = factories.run_make(version, "failed", input={"a": EVIL}, error=problem)
    factories.step_make(run, "s_tool", "failed", error=problem, input={"a": EVIL})
    factories.step_make(run, "s_model", "succeeded", kind="model", output=EVIL)
    for path in (
        "/workflows/evil/edit/outline/?at=s_router",
        "/workflows/evil/edit/states/?path=s_state_machine",
        "/workflows/evil/edit/problems/",
        "/workflows/evil/edit/test/",
        "/workflows/evil/edit/json/",
        "/workflows/evil/versions/",
        "/workflows/evil/versions/14/",
        "/workflows/evil/diff/14..draft/",
        "/workflows/evil/",
        "/workflows/",
        f"/runs/RUN-{run.number}/?step=s_tool",
    ):
        browser.open(path)
        assert "<img" in browser.script("return document.body.textContent"), path
        unharmed(browser)
