"""The canvas by touch: a tap adds and connects, a finger moves a step, two fingers zoom."""

import pytest

from tests.browser.canvas_hand import EDITOR, Hand
from tests.browser.test_canvas_edit import FLOW
from tests.views import factories
from workflows_app.models import Workflow

LOOSE = {**FLOW, "edges": [], "layout": {"draft": [0, 0], "send": [0, 160]}}
VIEW = "document.querySelector('.react-flow__viewport').style.transform"


class Finger:
    """Touches the screen of a page, by points or on elements."""

    def __init__(self, browser):
        self.browser = browser
        self.cdp = browser.driver.execute_cdp_cmd

    def middle(self, selector):
        return self.browser.script(
            "const at = document.querySelector(arguments[0]).getBoundingClientRect();"
            "return [at.x + at.width / 2, at.y + at.height / 2]",
            selector,
        )

    def _at(self, kind, *points):
        touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        self.cdp("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def tap(self, selector):
        self._at("touchStart", self.middle(selector))
        self._at("touchEnd")

    def draw(self, *strokes):
        """Move fingers along, each from its first point to its last."""
        self._at("touchStart", *(stroke[0] for stroke in strokes))
        for part in range(1, 6):
            share = part / 5
            self._at(
                "touchMove",
                *((x + (to_x - x) * share, y + (to_y - y) * share)
                  for (x, y), (to_x, to_y) in strokes),
            )  # fmt: skip
        self._at("touchEnd")


@pytest.fixture
def finger(browser, server):
    space = factories.workspace_make()
    Workflow.objects.create(workspace=space, slug="flow", name="Flow", draft=LOOSE)
    person = factories.user_make("mira", space, ("viewer", "operator", "designer"))
    browser.sign_in(person)
    browser.script("localStorage.clear()")
    cdp = browser.driver.execute_cdp_cmd
    cdp("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 5})
    browser.open("/workflows/flow/edit/")
    yield Finger(browser)
    cdp("Emulation.setTouchEmulationEnabled", {"enabled": False})


def node(path):
    return f'.react-flow__node[data-id="{path}"]'


def test_a_flow_is_changed_by_touch_alone(finger, browser):
    hand = Hand(browser)
    x, y = finger.middle(node("send"))
    finger.draw([(x, y), (x + 80, y + 40)])
    hand.until("editor.history.done.length === 1")
    hand.saved()
    left, top = Workflow.objects.get(slug="flow").draft["layout"]["send"]
    assert (left > 40, top > 170) == (True, True)

    finger.tap(f'{node("draft")} > [data-handleid="done"]')
    hand.browser.until("document.querySelector('.stage.connecting')")
    assert hand.said() == "From Draft: tap the step that follows."
    finger.tap(node("send"))
    hand.until("editor.history.done.length === 2")
    assert hand.drawn()["edges"] == ["draft>send"]
    finger.tap(f'{node("send")} > [data-handleid="done"]')
    finger.tap(node("draft"))
    assert hand.said().startswith("Not connected. ")
    assert "circle" in hand.said()
    assert hand.drawn()["edges"] == ["draft>send"]
    assert browser.script("return document.querySelector('.stage.connecting')") is None

    finger.tap(node("send"))
    hand.until("editor.selected[0] === 'send'")
    finger.tap('.palette [role="option"]:nth-child(2)')
    hand.until("editor.definition.steps.length === 3")
    added = hand.definition()["steps"][-1]["id"]
    assert f"send>{added}" in hand.drawn()["edges"]
    hand.saved()
    assert len(Workflow.objects.get(slug="flow").draft["steps"]) == 3

    before = browser.script(f"return {VIEW}")
    left, top = browser.script(
        "const at = document.querySelector('.stage').getBoundingClientRect();"
        "return [at.left, at.top]"
    )
    x, y = left + 40, top + 300
    finger.draw([(x, y), (x + 60, y - 40)])
    moved = browser.script(f"return {VIEW}")
    assert moved != before
    finger.draw([(x, y), (x - 20, y + 40)], [(x + 90, y), (x + 150, y - 40)])
    browser.until(f"{VIEW} !== '{moved}'")
    assert f"{hand.browser.script(f'return {EDITOR}.history.done.length')}" == "3"
    assert browser.errors() == []
