"""Every page of approvals in a real browser: accessible, inside its width, and inert."""

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


def test_no_page_of_approvals_has_an_accessibility_violation_in_light_or_dark(browser):
    found = inbox()
    browser.sign_in(found["anna"])
    violations = {}

    for path in paths(browser, found):
        browser.open(path)
        violations[path] = browser.axe_both()

    assert {path: lines for path, lines in violations.items() if lines} == {}


def test_dialogs_folds_and_menus_are_accessible_too(browser):
    found = inbox()
    number = found["requests"]["gate"].number
    browser.sign_in(found["anna"])
    violations = {}

    for name in ("delegate", "snooze", "escalate"):
        browser.open(f"/approvals/?open=APR-{number}")
        browser.script(f"document.querySelector('[data-opens^={name}]').click()")
        browser.until(f"document.querySelector('dialog[open][id^={name}]')")
        violations[name] = browser.axe_both()
    browser.open(f"/approvals/?open=APR-{number}")
    browser.script("for (const one of document.querySelectorAll('details')) one.open = true")
    violations["open folds"] = browser.axe_both()
    browser.open(f"/approvals/?open=APR-{found['requests']['final'].number}")
    browser.script("document.querySelector('.act .yes').click()")
    browser.until("document.querySelector('dialog.sure:modal')")
    violations["last question"] = browser.axe_both()
    browser.open(f"/approvals/?open=APR-{number}")
    browser.script("document.querySelector('.act .yes').click()")
    browser.until("document.querySelector('.undo')")
    browser.script("document.querySelector('.undo button').focus()")  # which stops its clock
    violations["undo"] = browser.axe_both()

    assert {name: lines for name, lines in violations.items() if lines} == {}


def test_pages_of_approvals_are_accessible_on_a_phone_and_do_not_scroll_sideways(browser):
    found = inbox()
    browser.sign_in(found["anna"])
    wide, violations = {}, {}

    for path in paths(browser, found):
        wide |= browser.too_wide(path)
        browser.size(390, 844)
        violations[path] = browser.axe()

    assert wide == {}
    assert {path: lines for path, lines in violations.items() if lines} == {}


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
