"""Everything that a pointer does, keys do; and nothing needs scripts."""

from selenium.webdriver.common.keys import Keys

from tests.browser.scenes import scene
from workflows_app.models import Run, RunEvent


def press(browser, *keys):
    for key in keys:
        browser.driver.switch_to.active_element.send_keys(key)


def ready(browser):
    browser.until("document.documentElement.dataset.live === 'on'")


def test_g_then_a_letter_goes_there(browser):
    found = scene()
    browser.sign_in(found["owner"])
    ready(browser)

    press(browser, "g", "r")
    browser.until("location.pathname === '/runs/'")
    ready(browser)
    press(browser, "g", "w")
    browser.until("location.pathname === '/workflows/'")


def test_j_and_k_move_and_enter_opens(browser):
    found = scene()
    browser.sign_in(found["owner"])
    browser.open("/runs/")
    ready(browser)

    press(browser, "j", "j", "k", "j")
    press(browser, Keys.ENTER)

    browser.until(f"location.pathname === '/runs/RUN-{found['run'].number - 1}/'")


def test_keys_are_off_while_writing_and_escape_leaves(browser):
    found = scene()
    browser.sign_in(found["owner"])
    browser.open("/runs/")
    ready(browser)

    press(browser, "f")
    press(browser, "g", "w", "?")
    value = browser.script("return document.activeElement.value")
    press(browser, Keys.ESCAPE)

    assert value == "gw?"
    assert browser.script("return location.pathname") == "/runs/"
    assert browser.script("return document.activeElement === document.body")


def test_question_mark_lists_the_keys(browser):
    found = scene()
    browser.sign_in(found["owner"])
    ready(browser)

    press(browser, "?")

    browser.until("document.querySelector('#keys').open")
    text = browser.script("return document.querySelector('#keys').innerText")
    assert "Go to Runs" in text
    press(browser, Keys.ESCAPE)
    browser.until("!document.querySelector('#keys').open")


def test_keys_can_be_turned_off(browser):
    found = scene()
    found["owner"].preferences = {"shortcuts": "off"}
    found["owner"].save()
    browser.sign_in(found["owner"])
    ready(browser)

    press(browser, "?")

    assert browser.script("return document.querySelector('#keys').open") is False


def test_a_run_is_paused_by_a_key(browser):
    found = scene()
    browser.sign_in(found["owner"])
    browser.open(f"/runs/RUN-{found['run'].number}/")
    ready(browser)

    press(browser, "p")

    browser.until("document.querySelector('.now').textContent.includes('Paused')")
    assert Run.objects.get(pk=found["run"].pk).state == "paused"


def test_the_theme_changes_at_once_and_is_kept(browser):
    found = scene()
    browser.sign_in(found["owner"])
    ready(browser)

    browser.driver.find_element("css selector", "[data-theme-form] button").click()
    browser.until("document.documentElement.dataset.theme === 'dark'")
    browser.until("performance.getEntriesByType('resource').some((e) => e.name.includes('theme/'))")
    browser.open("/runs/")

    assert browser.script("return document.documentElement.dataset.theme") == "dark"


def test_pages_work_without_scripts(browser):
    found = scene()
    browser.sign_in(found["owner"])
    run = Run.objects.get(state="paused")
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.driver.get(f"{browser.address}/runs/RUN-{run.number}/")
        browser.driver.find_element("css selector", "#run-actions details summary").click()
        browser.driver.find_element("id", "cancel-reason").send_keys("No longer needed")
        browser.driver.find_element("css selector", "#run-actions details .btn.no").click()
        browser.until_there(".toast")
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})

    assert RunEvent.objects.filter(run=run, why="No longer needed", actor="user:mira").exists()
