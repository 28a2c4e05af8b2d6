"""The builder's page: fields that save themselves, problems that lead to them, nothing lost."""

import json

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.builder.definitions import START
from tests.views import factories
from workflows_app.models import Workflow

FAULTY = {**START, "edges": [{"from": "classify.refunds", "to": "draft"}]}


@pytest.fixture
def owner(server):
    space = factories.workspace_make()
    person = factories.user_make("mira", space, ("viewer", "operator", "designer"))
    Workflow.objects.create(workspace=space, slug="refund", name="Refund", draft=FAULTY)
    return person


def draft():
    return Workflow.objects.get(slug="refund").draft


def field(browser, pointer, selector="textarea, input:not([type=hidden]), select"):
    form = browser.driver.find_element(By.CSS_SELECTOR, f'form[data-field="{pointer}"]')
    return form.find_element(By.CSS_SELECTOR, selector)


def opened(browser, owner, path="edit/?step=classify"):
    browser.sign_in(owner)
    browser.open(f"/workflows/refund/{path}")
    browser.until("window.htmx && document.querySelector('form.pf')")


def saved(browser, revision):
    browser.until(f"window.lastRevision >= {revision}")


def watch(browser):
    told = "window.lastRevision = event.detail.revision"
    browser.script(f"document.addEventListener('draft:changed', (event) => {{ {told} }})")


def test_one_field_after_the_other_is_saved_and_nothing_is_lost(browser, owner):
    opened(browser, owner)
    watch(browser)
    prompt = field(browser, "/with/prompt")
    prompt.send_keys(Keys.CONTROL, "a")
    prompt.send_keys(Keys.NULL, "Sort the message")

    model = field(browser, "/with/model")
    model.click()
    model.send_keys(Keys.END, "er and more")
    saved(browser, 2)

    is_kept = "return document.activeElement.value"
    assert browser.script(is_kept) == "smaller and more"
    browser.script("document.activeElement.blur()")
    saved(browser, 3)
    assert draft()["steps"][0]["with"]["prompt"] == "Sort the message"
    assert draft()["steps"][0]["with"]["model"] == "smaller and more"
    assert browser.errors() == []


def test_a_row_is_added_by_typing_and_the_next_one_waits(browser, owner):
    opened(browser, owner)
    watch(browser)
    rows = 'form[data-field="/with/labels"] .lrow'

    last = browser.driver.find_elements(By.CSS_SELECTOR, f"{rows} input")[-1]
    last.send_keys("technical", Keys.TAB)
    browser.until(f"document.querySelectorAll('{rows}').length === 3")

    assert draft()["steps"][0]["with"]["labels"] == ["refund", "technical"]


def test_an_expression_says_at_once_what_is_wrong_and_completes_names(browser, owner):
    opened(browser, owner, "edit/?step=draft")
    browser.script("document.querySelectorAll('details.ps').forEach((one) => {one.open = true})")
    condition = field(browser, "/when", "textarea")

    condition.send_keys("input.am")
    browser.until("document.querySelector('.complete li')")
    condition.send_keys(Keys.ENTER, " + 1 > 2.0")
    browser.until("document.querySelector('.check-out.wrong')")

    assert condition.get_attribute("value") == "input.amount + 1 > 2.0"
    said = browser.driver.find_element(By.CSS_SELECTOR, ".check-out.wrong").text
    assert "numbers of the data are doubles" in said
    assert "(line 1, column 18)" in said
    condition.send_keys(Keys.HOME, *[Keys.ARROW_RIGHT] * 16, ".0")
    browser.until("document.querySelector('.check-out.right')")


def test_what_is_written_while_a_row_is_saved_stays(browser, owner):
    opened(browser, owner, "edit/")
    watch(browser)
    browser.driver.execute_cdp_cmd("Network.enable", {})
    slow = {"offline": False, "latency": 700, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", slow)
    form = 'form[data-field="/input"]'

    name = browser.driver.find_elements(By.CSS_SELECTOR, f'{form} [name$="/key"]')[-1]
    name.send_keys("reason", Keys.TAB, Keys.TAB, Keys.TAB, "Why they ask", Keys.TAB)
    browser.until("document.activeElement.closest('form')")
    saved(browser, 3)
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {**slow, "latency": 0})

    field = draft()["input"]["properties"]["reason"]
    assert field == {"type": "string", "description": "Why they ask"}


def test_arguments_that_somebody_writes_outlive_the_choice_of_the_tool(browser, owner):
    pay = {"id": "pay", "kind": "tool", "with": {"tool": "", "arguments": {}}}
    Workflow.objects.update(draft={**START, "steps": [*START["steps"], pay]})
    opened(browser, owner, "edit/step/?path=pay")
    watch(browser)
    browser.driver.execute_cdp_cmd("Network.enable", {})
    slow = {"offline": False, "latency": 700, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", slow)

    field(browser, "/with/tool").send_keys("orders.get", Keys.TAB)
    browser.driver.switch_to.active_element.send_keys("who")
    saved(browser, 2)
    focused = "return [document.activeElement.name, document.activeElement.value]"
    assert browser.script(focused) == ["v/0/key", "who"]
    browser.driver.switch_to.active_element.send_keys(Keys.TAB, "Ada", Keys.TAB)
    saved(browser, 3)
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {**slow, "latency": 0})

    assert draft()["steps"][-1]["with"] == {"tool": "orders.get", "arguments": {"who": "Ada"}}


def test_a_field_without_a_connection_is_sent_later(browser, owner):
    opened(browser, owner)
    watch(browser)
    browser.driver.execute_cdp_cmd("Network.enable", {})
    off = {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", off)

    field(browser, "/with/prompt").send_keys(" please", Keys.TAB)
    browser.until("document.querySelector('[data-offline]')")
    assert draft() == FAULTY
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {**off, "offline": False})
    saved(browser, 2)

    assert draft()["steps"][0]["with"]["prompt"] == "Label {{ input }} please"
    browser.until("!document.querySelector('[data-offline]')")


def test_a_condition_is_built_by_rows(browser, owner):
    opened(browser, owner, "edit/?step=draft")
    watch(browser)
    browser.script("document.querySelectorAll('details.ps').forEach((one) => {one.open = true})")
    form = 'form[data-field="/when"]'

    browser.driver.find_element(By.CSS_SELECTOR, f"{form} [data-toggle-rows]").click()
    left, right = browser.driver.find_elements(By.CSS_SELECTOR, f"{form} .crow input")
    right.send_keys("500")
    left.send_keys("input.amount", Keys.TAB)
    saved(browser, 2)

    assert draft()["steps"][1]["when"] == "input.amount == 500.0"
    browser.until(f"document.querySelectorAll('{form} .crow').length === 2")


def test_a_problem_leads_to_its_step_and_its_fix_is_one_click(browser, owner):
    opened(browser, owner, "edit/")
    watch(browser)

    browser.driver.find_element(By.CSS_SELECTOR, ".plist a[data-step=classify]").click()
    browser.until("document.querySelector('#properties .ph').dataset.path === 'classify'")
    browser.driver.find_element(By.XPATH, "//button[text()='Use refund']").click()
    saved(browser, 2)

    assert draft()["edges"] == [{"from": "classify.refund", "to": "draft"}]
    browser.until("!document.querySelector('.plist a[data-step=classify]')")


def test_what_cannot_be_kept_stays_in_the_field_with_its_reason(browser, owner):
    opened(browser, owner, "edit/?step=draft")

    value = field(browser, "/with/value")
    value.send_keys(Keys.CONTROL, "a", Keys.NULL, "{broken", Keys.TAB)
    browser.until("document.querySelector('form[data-field=\"/with/value\"] .errors')")

    assert field(browser, "/with/value").get_attribute("value") == "{broken"
    assert draft() == FAULTY


def test_a_conflict_shows_theirs_and_keeps_mine(browser, owner):
    opened(browser, owner)
    watch(browser)
    browser.deaf()
    theirs = json.loads(json.dumps(FAULTY))
    theirs["steps"][0]["with"]["prompt"] = "Theirs"
    Workflow.objects.filter(slug="refund").update(draft=theirs, revision=2)

    prompt = field(browser, "/with/prompt")
    prompt.send_keys(" mine", Keys.TAB)
    browser.until("document.querySelector('.theirs')")
    assert "Theirs" in browser.driver.find_element(By.CSS_SELECTOR, ".theirs").text
    browser.driver.find_element(By.XPATH, "//button[text()='Keep mine']").click()
    saved(browser, 3)

    assert draft()["steps"][0]["with"]["prompt"] == "Label {{ input }} mine"


def test_the_builder_is_accessible(browser, owner):
    opened(browser, owner)
    browser.script("document.querySelectorAll('details.ps').forEach((one) => {one.open = true})")

    assert browser.axe_both() == []
    assert browser.errors() == []


def node(browser, path):
    selector = f'.react-flow__node[data-id="{path}"]'
    browser.until(f"document.querySelector('{selector}')")
    return browser.driver.find_element(By.CSS_SELECTOR, selector)


def test_canvas_and_fields_follow_each_other(browser, owner):
    opened(browser, owner, "edit/")
    watch(browser)

    node(browser, "classify").click()
    browser.until("document.querySelector('#properties .ph').dataset.path === 'classify'")
    last = browser.driver.find_elements(
        By.CSS_SELECTOR, 'form[data-field="/with/labels"] .lrow input'
    )[-1]
    last.send_keys("technical", Keys.TAB)
    saved(browser, 2)
    browser.until("document.querySelector('[data-id=classify] [data-handleid=technical]')")
    browser.driver.find_element(By.CSS_SELECTOR, '[data-fires="canvas:undo"]').click()

    browser.until(
        "document.querySelectorAll('form[data-field=\"/with/labels\"] .lrow').length === 2"
    )
    browser.until("document.getElementById('saved').dataset.state === 'saved'")
    browser.until("!document.querySelector('[data-id=classify] [data-handleid=technical]')")
    assert draft()["steps"][0]["with"]["labels"] == ["refund"]


def test_a_field_that_is_written_is_saved_when_another_step_is_chosen(browser, owner):
    opened(browser, owner, "edit/")
    watch(browser)
    node(browser, "classify").click()
    browser.until("document.querySelector('#properties .ph').dataset.path === 'classify'")

    field(browser, "/with/prompt").send_keys(" now")
    node(browser, "draft").click()
    browser.until("document.querySelector('#properties .ph').dataset.path === 'draft'")

    saved(browser, 2)
    assert draft()["steps"][0]["with"]["prompt"] == "Label {{ input }} now"
    assert browser.errors() == []


def test_a_button_adds_a_row_and_the_focus_goes_there(browser, owner):
    opened(browser, owner, "edit/")
    watch(browser)
    form = 'form[data-field="/triggers"]'

    browser.driver.find_element(By.CSS_SELECTOR, f"{form} button[value='add:v']").click()
    saved(browser, 2)
    browser.until(f"document.querySelector('{form} .rowg')?.contains(document.activeElement)")

    assert draft()["triggers"] == [{"event": ""}]


def test_who_decides_is_chosen_by_a_part_of_the_name_and_becomes_a_token(browser, owner):
    gate = {"id": "ask", "kind": "approval", "with": {"summary": "Go?", "assignees": []}}
    Workflow.objects.update(draft={**FAULTY, "steps": [*FAULTY["steps"], gate]})
    opened(browser, owner, "edit/?step=ask")
    watch(browser)

    field(browser, "/with/assignees").send_keys("mir", Keys.ENTER)
    saved(browser, 2)
    browser.until("document.querySelector('.ptok')")

    assert draft()["steps"][-1]["with"]["assignees"] == ["user:mira"]
    active = "const at = document.activeElement; return [at.dataset.completes, at.value, at.name]"
    assert browser.script(active) == ["people", "", "v/1"]
    assert browser.errors() == []
