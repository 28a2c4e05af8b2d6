"""The command palette: one field that leads anywhere, by keys alone."""

from selenium.webdriver.common.keys import Keys

from tests.browser.scenes import scene
from tests.browser.test_keyboard import press, ready

OPTIONS = "[...document.querySelectorAll('#palette [role=option]')]"
CHOSEN = f"({OPTIONS}.find((o) => o.ariaSelected === 'true')?.innerText ?? '')"
HAS_FOCUS = "document.activeElement.id === 'palette-q'"


def palette_open(browser):
    """Press Ctrl K on the home page of an owner."""
    found = scene()
    browser.sign_in(found["owner"])
    ready(browser)
    press(browser, Keys.CONTROL + "k")
    browser.until(f"document.querySelector('#palette').open && {HAS_FOCUS}")
    browser.until(f"{CHOSEN} !== ''")
    return found


def test_ctrl_k_opens_it_and_escape_gives_the_focus_back(browser):
    palette_open(browser)
    offered = browser.script(f"return {OPTIONS}.map((o) => o.innerText.split('\\n')[0])")
    violations = browser.axe()
    press(browser, Keys.ESCAPE)

    browser.until("!document.querySelector('#palette').open")
    assert {"Home", "Approvals", "Runs", "Workflows", "New workflow"} <= set(offered)
    assert violations == []
    assert browser.script("return location.pathname") == "/"


def test_what_is_written_is_found_and_enter_goes_there(browser):
    found = palette_open(browser)
    number = found["run"].number
    press(browser, f"RUN-{number}")
    browser.until(f"{CHOSEN}.startsWith('RUN-{number}')")

    press(browser, Keys.ENTER)

    browser.until(f"location.pathname === '/runs/RUN-{number}/'")
    assert browser.errors() == []


def test_the_arrows_choose(browser):
    palette_open(browser)
    first = browser.script(f"return {CHOSEN}")
    press(browser, Keys.ARROW_DOWN)
    second = browser.script(f"return {CHOSEN}")
    press(browser, Keys.ARROW_UP, Keys.ARROW_UP)
    last = browser.script(f"return {CHOSEN}")

    assert len({first, second, last}) == 3
    assert last == browser.script(f"return {OPTIONS}.at(-1).innerText")
    assert browser.script(f"return {HAS_FOCUS}")


def test_nothing_found_is_said_and_enter_opens_the_page(browser):
    palette_open(browser)
    press(browser, "zzz")
    browser.until("document.querySelector('#palette .none')")

    press(browser, Keys.ENTER)

    browser.until("location.pathname === '/find/' && location.search === '?q=zzz'")


def test_a_phone_opens_it_from_the_menu_in_the_dark(browser):
    found = scene()
    browser.colours("dark")
    browser.size(390, 844)
    browser.sign_in(found["owner"])
    ready(browser)

    browser.script("document.querySelector('[popovertarget=more]').click()")
    browser.script("document.querySelector('#more [data-palette]').click()")
    browser.until(f"{CHOSEN} !== ''")

    assert browser.axe() == []
    assert browser.script("return document.documentElement.scrollWidth") <= 390
