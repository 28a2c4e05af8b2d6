"""The builder's canvas by mouse and by keyboard: built, undone, copied, refused, saved."""

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser.canvas_hand import BLANK, EDITOR, Hand
from tests.engine_harness import until
from tests.views import factories
from workflows_app.models import Workflow

FLOW = {
    **BLANK,
    "steps": [
        {"id": "draft", "kind": "model", "with": {"model": "small", "prompt": "{{ input }}"}},
        {"id": "send", "kind": "transform", "with": {"value": "=steps.draft.output"}},
    ],
    "edges": [{"from": "draft", "to": "send"}],
}


@pytest.fixture
def designer(server):
    space = factories.workspace_make()
    Workflow.objects.create(workspace=space, slug="blank", name="Blank", draft=BLANK)
    Workflow.objects.create(workspace=space, slug="flow", name="Flow", draft=FLOW)
    return factories.user_make("mira", space, ("viewer", "operator", "designer"))


@pytest.fixture
def at(browser, designer):
    """Open the builder of a workflow and give a hand on its canvas."""
    browser.sign_in(designer)
    browser.open("/")
    browser.script("localStorage.clear()")

    def at(slug):
        browser.open(f"/workflows/{slug}/edit/")
        return Hand(browser)

    return at


def stored(slug):
    draft = Workflow.objects.get(slug=slug).draft
    edges = sorted(f"{edge['from']}>{edge['to']}" for edge in draft["edges"])
    return {"steps": sorted(f"{one['id']}:{one['kind']}" for one in draft["steps"]), "edges": edges}


def test_a_flow_is_built_by_mouse(at, browser):
    hand = at("blank")
    hand.drop("Router", -60, -220)
    hand.drop("Agent", -220, -60)
    hand.drop("Approval gate", 120, -60)
    assert hand.draw("router", "first", "agent") == ""
    assert hand.draw("router", "second", "approval") == ""
    hand.saved()

    assert stored("blank") == {
        "steps": ["agent:agent", "approval:approval", "router:router"],
        "edges": ["router.first>agent", "router.second>approval"],
    }
    assert set(Workflow.objects.get(slug="blank").draft["layout"]) == {
        "router",
        "agent",
        "approval",
    }
    assert browser.errors() == []


def test_a_flow_is_built_by_keyboard_alone(at, browser):
    hand = at("blank")
    hand.add("decision")
    hand.add("model")
    assert hand.drawn()["edges"] == ["decision.yes>model"]
    hand.keys(Keys.ARROW_UP)
    assert hand.active() == "decision"
    hand.add("timer")
    hand.keys(Keys.ARROW_UP, "c")
    assert hand.said().startswith("Connecting.")
    assert "Target:" in hand.said()
    hand.keys(Keys.ESCAPE)
    hand.keys("m", Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ENTER)
    hand.saved()

    assert stored("blank")["edges"] == ["decision.default>delay", "decision.yes>model"]
    assert Workflow.objects.get(slug="blank").draft["layout"]["decision"][0] >= 40
    assert browser.errors() == []


def test_everything_can_be_undone_and_done_again(at):
    hand = at("flow")
    before = hand.definition()
    hand.keys(Keys.TAB)
    hand.browser.script("document.querySelector('.react-flow__node').focus()")
    hand.add("merge")
    hand.chord(Keys.CONTROL, "d")
    hand.until("editor.history.done.length === 2")
    hand.chord(Keys.SHIFT, "t")
    hand.until("editor.history.done.length === 3")
    hand.keys(Keys.DELETE)
    hand.until("editor.history.done.length === 4")
    hand.pull("draft", 90, 40)
    hand.until("editor.history.done.length === 5")
    after = hand.definition()

    for _ in range(5):
        hand.chord(Keys.CONTROL, "z")
    hand.until("editor.history.undone.length === 5")
    assert hand.definition() == before
    for _ in range(5):
        hand.chord(Keys.CONTROL, Keys.SHIFT, "z")
    hand.until("editor.history.done.length === 5")
    assert hand.definition() == after
    hand.saved()
    assert stored("flow") == hand.drawn()


def test_a_wrong_connection_is_refused_with_its_reason(at):
    hand = at("flow")

    why = hand.draw("send", "done", "draft")

    assert "circle" in why
    assert hand.said() == f"Not connected. {why}"
    assert hand.drawn()["edges"] == ["draft>send"]


def test_steps_are_copied_into_another_workflow_as_text(at, browser):
    grant = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    browser.driver.execute_cdp_cmd("Browser.grantPermissions", grant)
    hand = at("flow")
    browser.script("document.querySelector('.react-flow__node').focus()")
    hand.chord(Keys.CONTROL, "a")
    hand.chord(Keys.CONTROL, "c")
    assert hand.said() == "Copied."
    hand.chord(Keys.CONTROL, "v")
    hand.until("editor.definition.steps.length === 4")
    pasted = {step["id"]: step for step in hand.definition()["steps"]}
    assert pasted["send_2"]["with"] == {"value": "=steps.draft_2.output"}
    assert "draft_2>send_2" in hand.drawn()["edges"]
    hand.saved()

    other = at("blank")
    other.add("merge")
    other.chord(Keys.CONTROL, "v")
    other.until("editor.definition.steps.length === 3")
    other.saved()
    until(lambda: len(stored("blank")["steps"]) == 3)
    assert stored("blank")["edges"] == ["draft>send"]


def test_a_container_is_filled_and_folded(at):
    hand = at("blank")
    hand.add("map")
    hand.add("transform")
    assert hand.definition()["steps"][0]["with"]["body"]["steps"][0]["kind"] == "transform"
    assert hand.active() == "map.transform"
    hand.keys(Keys.ARROW_UP)
    assert hand.active() == "map"
    hand.keys(" ")
    hand.until("!editor.graph.boxes.has('map.transform')")
    hand.keys(" ")
    hand.until("editor.graph.boxes.has('map.transform')")
    hand.saved()


def test_a_step_goes_into_a_container_and_out_by_mouse_and_by_keyboard(at, browser):
    hand = at("flow")
    hand.drop("Map-reduce", 180, -120)
    browser.script(f"{EDITOR}.select([])")
    hand.into("send", "map")
    assert hand.said() == "Moved Send into Map."
    hand.until("document.activeElement.dataset.id === 'map.send'")
    hand.keys("i", Keys.ENTER)
    hand.until("editor.selected[0] === 'send'")
    assert hand.said() == "Moved Send out of Map."
    hand.until("document.activeElement.dataset.id === 'send'")
    hand.chord(Keys.CONTROL, "z")
    hand.chord(Keys.CONTROL, "z")
    hand.saved()

    assert stored("flow") == {
        "steps": ["draft:model", "map:map", "send:transform"],
        "edges": ["draft>send"],
    }
    browser.until("document.querySelector('#properties .ph').dataset.path === 'send'")
    assert browser.errors() == []


def test_states_of_a_machine_are_connected_by_a_trigger_with_its_guard(at, browser):
    hand = at("blank")
    hand.add("state machine")
    hand.until("editor.graph.boxes.has('state_machine.open')")
    hand.keys(Keys.ARROW_DOWN)
    assert hand.active() == "state_machine.open"
    hand.add("state")
    hand.until("editor.active === 'state_machine.state'")
    hand.keys("c")
    while "Target: Open" not in hand.said():
        hand.keys(Keys.ARROW_RIGHT)
    hand.keys(Keys.ENTER)
    browser.until_there("dialog[open] .trow input")
    fields = browser.driver.find_elements("css selector", "dialog[open] .trow input")
    fields[0].send_keys(Keys.CONTROL, "a")
    fields[0].send_keys("reopen")
    fields[1].send_keys("states.open.visits < 3")
    fields[1].send_keys(Keys.ENTER)
    hand.until("editor.history.done.length === 3")
    hand.saved()

    machine = Workflow.objects.get(slug="blank").draft["steps"][0]["with"]
    assert machine["transitions"][1:] == [
        {"trigger": "next", "from": "open", "to": "state"},
        {"trigger": "reopen", "from": "state", "to": "open", "guard": "states.open.visits < 3"},
    ]
    labels = browser.script(
        "return [...document.querySelectorAll('.lb > title')].map((one) => one.textContent)"
    )
    assert "reopen [states.open.visits < 3]" in labels


def test_the_canvas_is_one_tab_stop_and_says_what_its_keys_do(at, browser):
    hand = at("flow")
    stops = "document.querySelectorAll('.react-flow__node[tabindex=\"0\"]').length"
    label = "document.activeElement.ariaLabel"
    assert browser.script(f"return {stops}") == 1
    browser.script("document.querySelector('.palette input').focus()")
    hand.keys(Keys.TAB)
    assert hand.active() == "draft"
    assert browser.script(f"return {label}") == "Draft, Model. to Send"
    hand.keys(Keys.ARROW_DOWN)
    assert browser.script(f"return {label}").startswith("Send, Transform")
    assert browser.script(f"return {stops}") == 1

    hand.keys("m")
    assert hand.said().startswith("Moving. Arrows move, Enter puts it there")
    hand.keys(Keys.ARROW_RIGHT)
    assert hand.said() == "24 across, 0 down."
    hand.keys(Keys.ENTER)
    assert hand.said() == "Put there."
    hand.add("merge")
    assert hand.said() == "Merge added after Send."
    hand.keys(Keys.HOME, "c")
    assert hand.said().startswith("Connecting. By error. Target: Merge, 1 of 2. Arrows choose")
    hand.keys(Keys.ENTER)
    assert hand.said() == "Connected Draft by error to Merge."
    hand.chord(Keys.CONTROL, "z")
    assert hand.said() == "Undone: Connect Draft to Merge."
    hand.keys(Keys.DELETE)
    assert hand.said() == "Deleted Draft."
    hand.keys(Keys.HOME, Keys.ENTER)
    browser.until("document.activeElement.closest('#properties')")
    browser.until("document.querySelector('#properties .ph').dataset.path === 'send'")
    hand.keys(Keys.ESCAPE)
    browser.until("document.activeElement.dataset.id === 'send'")
    assert browser.errors() == []
