"""Every page of approvals in a real browser: accessible, inside its width, and inert."""

import pytest

from tests.browser.approvals_scene import inbox

SORTS = (
    "gate",
    "high",
    "critical",
    "final",
    "question",
    "label",
    "by_hand",
    "review",
    "checkpoint",
    "rehearsal",
    "naughty",
)
DECIDED = ("approved", "rejected", "edited", "expired")


def paths(browser, found):
    number = {name: request.number for name, request in found["requests"].items()}
    browser.open("/approvals/")
    batch = browser.script("return document.querySelector('.bat a').getAttribute('href')")
    return [
        "/approvals/?group=risk",
        "/approvals/?risk=low&due=soon",
        "/approvals/?view=teams&group=workflow",
        "/approvals/?view=delegated",
        "/approvals/?view=decided",
        *(f"/approvals/?open=APR-{number[name]}" for name in SORTS),
        *(f"/approvals/APR-{number[name]}/" for name in (*DECIDED, "gate", "naughty", "review")),
        batch,
        f"/d/{found['mail']}/",
        "/escalation/",
        "/autonomy/",
        "/autonomy/?workflow=refunds-1&path=issue&risk=medium&rule=proposal.arguments.amount",
    ]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 1440), ("light", 390)])
def test_no_page_of_approvals_has_an_accessibility_violation(browser, scheme, width):
    found = inbox()
    browser.colours(scheme)
    browser.sign_in(found["anna"])
    every = paths(browser, found)
    browser.size(width, 900)
    violations = {}

    for path in every:
        browser.open(path)
        violations[path] = browser.axe()

    assert {path: lines for path, lines in violations.items() if lines} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_dialogs_folds_and_menus_are_accessible_too(browser, scheme):
    found = inbox()
    number = found["requests"]["gate"].number
    browser.colours(scheme)
    browser.sign_in(found["anna"])
    violations = {}

    for name in ("delegate", "snooze", "escalate"):
        browser.open(f"/approvals/?open=APR-{number}")
        browser.script(f"document.querySelector('[data-opens^={name}]').click()")
        browser.until(f"document.querySelector('dialog[open][id^={name}]')")
        violations[name] = browser.axe()
    browser.open(f"/approvals/?open=APR-{number}")
    browser.script("for (const one of document.querySelectorAll('details')) one.open = true")
    violations["open folds"] = browser.axe()
    browser.open(f"/approvals/?open=APR-{found['requests']['final'].number}")
    browser.script("document.querySelector('.act .yes').click()")
    browser.until("document.querySelector('dialog.sure:modal')")
    violations["last question"] = browser.axe()
    browser.open(f"/approvals/?open=APR-{number}")
    browser.script("document.querySelector('.act .yes').click()")
    browser.until("document.querySelector('.undo')")
    violations["undo"] = browser.axe()

    assert {name: lines for name, lines in violations.items() if lines} == {}


@pytest.mark.parametrize("width", [390, 320])
def test_pages_of_approvals_do_not_scroll_sideways_on_a_phone(browser, width):
    found = inbox()
    browser.sign_in(found["anna"])
    every = paths(browser, found)
    browser.size(width, 844)
    wide = {}

    for path in every:
        browser.open(path)
        if browser.script("return document.documentElement.scrollWidth") > width:
            wide[path] = browser.script(
                "return [...document.querySelectorAll('main *')].filter((e) =>"
                " e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.tablew *'))"
                ".slice(0, 3).map((e) => e.outerHTML.slice(0, 120))"
            )

    assert wide == {}


def test_hostile_text_is_shown_and_does_nothing(browser):
    found = inbox()
    request = found["requests"]["naughty"]
    browser.sign_in(found["anna"])

    for path in (
        "/approvals/",
        f"/approvals/?open=APR-{request.number}",
        f"/approvals/APR-{request.number}/",
        f"/approvals/APR-{found['requests']['gate'].number}/",
        f"/d/{found['mail']}/",
        f"/runs/RUN-{request.run.number}/",
    ):
        browser.open(path)
        browser.script("for (const one of document.querySelectorAll('details')) one.open = true")
        fetched = browser.script(
            "return performance.getEntriesByType('resource').map((e) => e.name)"
        )
        assert {name for name in fetched if not name.startswith(browser.address)} == set(), path
        assert browser.script("return document.querySelectorAll('iframe, main img').length") == 0
        text = browser.script("return document.body.innerText")
        assert not {"\u202e", "\u2066", "\u200b", "\u0007"} & set(text), path
    assert browser.errors() == []
