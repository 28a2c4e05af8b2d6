"""Every kind of deed on the canvas is undone and done again, to exactly the stored draft."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.canvas_hand import BLANK, EDITOR, Hand
from tests.views import factories
from workflows_app.models import Workflow

LABEL = {"id": "label", "kind": "transform", "with": {"value": "=item"}}
DRAFT = {
    **BLANK,
    "steps": [
        {"id": "draft", "kind": "model", "with": {"model": "small", "prompt": "{{ input }}"}},
        {"id": "send", "kind": "transform", "with": {"value": "=steps.draft.output"}},
        {"id": "check", "kind": "transform", "with": {"value": 1}},
        {
            "id": "each",
            "kind": "map",
            "with": {"items": "=[1]", "body": {"steps": [LABEL], "edges": []}},
        },
        {
            "id": "order",
            "kind": "state_machine",
            "with": {
                "initial": "open",
                "states": {"open": {}, "paid": {"terminal": True}},
                "transitions": [{"trigger": "pay", "from": "open", "to": "paid"}],
            },
        },
    ],
    "edges": [{"from": "draft", "to": "send"}, {"from": "draft.error", "to": "check"}],
    "layout": {
        "draft": [200, 0],
        "send": [80, 120],
        "check": [360, 120],
        "each": [0, 240],
        "order": [320, 240],
    },
}


@pytest.fixture
def hand(browser, server):
    space = factories.workspace_make()
    Workflow.objects.create(workspace=space, slug="deeds", name="Deeds", draft=DRAFT)
    browser.sign_in(factories.user_make("mira", space, ("viewer", "operator", "designer")))
    browser.script("localStorage.clear()")
    grant = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    browser.driver.execute_cdp_cmd("Browser.grantPermissions", grant)
    browser.open("/workflows/deeds/edit/")
    browser.driver.find_element(By.CSS_SELECTOR, "[data-close-dock]").click()
    return Hand(browser)


def stored():
    return Workflow.objects.get(slug="deeds").draft


def add(hand):
    hand.choose("send")
    hand.add("merge")


def delete(hand):
    hand.choose("merge")
    hand.keys(Keys.DELETE)


def move(hand):
    hand.pull("check", 60, 24)


def connect(hand):
    assert hand.draw("send", "done", "check") == ""


def disconnect(hand):
    hand.browser.script(f"{EDITOR}.select(['|send>check'])")
    hand.keys(Keys.DELETE)


def move_end(hand):
    hand.move_end("|draft>send", "check")


def paste(hand):
    hand.choose("draft", "send")
    hand.chord(Keys.CONTROL, "c")
    hand.chord(Keys.CONTROL, "v")


def duplicate(hand):
    hand.choose("check")
    hand.chord(Keys.CONTROL, "d")


def align(hand):
    hand.choose("send", "check")
    hand.driver.find_element(By.CSS_SELECTOR, '.aligns [aria-label="Middles in one row"]').click()


def insert(hand):
    hand.browser.script("document.querySelector('.palette input').focus()")
    hand.keys("parallel", Keys.ENTER)


def tidy(hand):
    hand.chord(Keys.SHIFT, "t")


def into(hand):
    hand.browser.script(f"{EDITOR}.select([])")
    hand.all_shown()
    hand.into("check", "each")


def out(hand):
    hand.until("document.activeElement.dataset.id === 'each.check'")
    hand.keys("i", Keys.ARROW_LEFT, Keys.ENTER)
    assert hand.said() == "Moved Check out of Each."


def state(hand):
    hand.choose("order.open")
    hand.add("state")


def transition(hand):
    hand.keys("c")
    while "Target: Open" not in hand.said():
        hand.keys(Keys.ARROW_RIGHT)
    hand.keys(Keys.ENTER)
    hand.browser.until("document.querySelector('dialog[open] .trow input')")
    hand.keys(Keys.ENTER)


def state_away(hand):
    hand.choose("order.paid")
    hand.keys(Keys.DELETE)


def field(hand):
    hand.choose("draft")
    form = 'form[data-field="/with/prompt"] textarea'
    hand.browser.until(f"document.querySelector('{form}')")
    prompt = hand.driver.find_element(By.CSS_SELECTOR, form)
    prompt.send_keys(Keys.END, " please", Keys.TAB)


def rename(hand):
    hand.choose("draft")
    hand.browser.script("document.querySelectorAll('details.ps').forEach((d) => {d.open = true})")
    hand.driver.find_element(By.ID, "p-id").send_keys("_reply", Keys.ENTER)


DEEDS = [
    add, delete, move, connect, disconnect, move_end, paste, duplicate, align, insert, tidy,
    into, out, state, transition, state_away, field, rename,
]  # fmt: skip


def test_each_kind_of_deed_is_undone_and_done_again(hand, browser):
    drafts = [stored()]
    for place, deed in enumerate(DEEDS, start=1):
        deed(hand)
        hand.until(f"editor.history.done.length === {place}")
        hand.saved()
        drafts.append(stored())
        assert drafts[-1] != drafts[-2], deed.__name__

    for place in reversed(range(len(DEEDS))):
        browser.script("document.dispatchEvent(new Event('canvas:undo'))")
        hand.saved()
        assert stored() == drafts[place], DEEDS[place].__name__
    for place, deed in enumerate(DEEDS, start=1):
        browser.script("document.dispatchEvent(new Event('canvas:redo'))")
        hand.saved()
        assert stored() == drafts[place], deed.__name__

    assert browser.errors() == []


def test_a_hundred_deeds_are_undone(hand, browser):
    before = stored()
    edit = "editor.edit(`Deed ${at}`, (held) => ({ ...held, description: `${at}` }))"
    browser.script(f"const editor = {EDITOR}; for (let at = 0; at <= 100; at += 1) {edit}")
    hand.saved()

    browser.script(f"const editor = {EDITOR}; for (let at = 0; at < 101; at += 1) editor.undo()")
    hand.saved()

    assert stored() == {**before, "description": "0"}
    assert hand.said() == "Nothing to undo."
    browser.script(f"const editor = {EDITOR}; for (let at = 0; at < 100; at += 1) editor.redo()")
    hand.saved()
    assert stored() == {**before, "description": "100"}
