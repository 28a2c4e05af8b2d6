"""Answering by keys, without scripts, on a phone, and while others answer too."""

import json

import pytest
from django.db import connection
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from approvals_app.models import ApprovalRequest, Vote
from tests.approvals_app import factories
from tests.browser.approvals_scene import FORM, decided, lookalikes, people, question, step

LIVE = "document.documentElement.dataset.live === 'on'"


@pytest.fixture
def found(browser):
    made = people()
    made["first"] = factories.request_for(step(), summary="First", deadline="2h")
    made["second"] = factories.request_for(step(), summary="Second", deadline="3h")
    browser.sign_in(made["anna"])
    browser.open("/approvals/")
    browser.until(LIVE)
    return made


def press(browser, *keys):
    for key in keys:
        browser.driver.switch_to.active_element.send_keys(key)


def state(request):
    return ApprovalRequest.objects.values_list("state", flat=True).get(pk=request.pk)


def opened(browser, request):
    browser.until(f"document.querySelector('.crumb').textContent.includes('{request}')")


def tell(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('countersign', %s)", [json.dumps([str(request.run_id)])])


def test_a_approves_opens_the_next_and_z_takes_it_back(browser, found):
    press(browser, "a")
    opened(browser, found["second"])
    assert state(found["first"]) == "approved"
    browser.until("document.querySelector('.undo [data-left]')?.textContent.startsWith('Runs in')")

    press(browser, "z")

    opened(browser, found["first"])
    assert state(found["first"]) == "pending"


def test_r_without_a_reason_leads_into_the_field_and_with_one_rejects(browser, found):
    press(browser, "r")
    browser.until("document.activeElement.name === 'reason'")
    assert state(found["first"]) == "pending"

    press(browser, "Not a duplicate", Keys.ESCAPE, "r")

    opened(browser, found["second"])
    assert state(found["first"]) == "rejected"


def test_enter_never_answers(browser, found):
    browser.script("document.querySelector('.act [name=reason]').focus()")
    press(browser, "I was only typing", Keys.ENTER)
    browser.script("document.activeElement.blur()")
    press(browser, Keys.ENTER)
    press(browser, "j", "k", Keys.ENTER)
    opened(browser, found["first"])

    assert not Vote.objects.exists()
    assert browser.script("return document.activeElement.closest('.act')") is None


@pytest.mark.parametrize(("key", "name"), [("d", "delegate"), ("u", "escalate"), ("h", "snooze")])
def test_keys_open_what_asks_for_more(browser, found, key, name):
    press(browser, key)

    browser.until(f"document.querySelector('dialog[open][id^={name}]')")
    press(browser, Keys.ESCAPE)
    browser.until("!document.querySelector('dialog[open]')")
    assert state(found["first"]) == "pending"


def test_e_edits_in_place_and_the_button_says_how_much(browser, found):
    press(browser, "e")
    browser.until("document.activeElement.name === 'f0'")
    browser.script("document.activeElement.value = '1610.0'; document.activeElement.form.submit()")
    browser.until("document.querySelector('.act .yes')?.textContent.includes('with 1 edit')")
    assert state(found["first"]) == "pending"

    press(browser, "a")

    opened(browser, found["second"])
    vote = Vote.objects.get()
    assert vote.answer["arguments"]["amount"] == 1610.0


def test_approving_what_was_not_shown_yet_shows_it_first(browser, found):
    press(browser, "e")
    browser.until("document.activeElement.name === 'f0'")
    browser.script("document.activeElement.value = '1610.0'")
    browser.script("document.querySelector('.act [name=reason]').value = 'Too much'")

    browser.script("document.querySelector('.act .yes').click()")

    browser.until("document.querySelector('.act .yes')?.textContent.includes('with 1 edit')")
    assert browser.script("return document.querySelector('.act [name=reason]').value") == "Too much"
    assert state(found["first"]) == "pending"
    assert not Vote.objects.exists()


def test_t_takes_over_with_a_result(browser, found):
    press(browser, "t")
    browser.until("document.activeElement.matches('details.fold textarea')")
    press(browser, '{"id": "R-9"}')

    browser.script("document.querySelector('details.fold [value=take_over]').click()")

    opened(browser, found["second"])
    assert state(found["first"]) == "taken_over"


def test_l_leads_to_the_answer_of_a_question(browser, found):
    asked = question(summary="When?", form=FORM, decisions=["answer", "reject"])
    browser.open(f"/approvals/?open=APR-{asked.number}")
    browser.until(LIVE)

    press(browser, "l")
    browser.until("document.activeElement.name === 'f:/reply'")
    press(browser, "On Tuesday")
    browser.script("document.querySelector('details.fold [value=approve]').click()")

    browser.until(f"!document.querySelector('.crumb').textContent.includes('{asked}')")
    assert Vote.objects.get().answer["output"]["reply"] == "On Tuesday"


def test_x_selects_and_b_reviews_as_a_batch(browser, found):
    made = lookalikes()
    browser.open("/approvals/")
    browser.until(LIVE)
    places = "[...document.querySelectorAll('[data-row]')]"
    index = browser.script(f"return {places}.findIndex((r) => r.querySelector('.pk'))")

    press(browser, *["j"] * index, "x")
    picked = browser.script("return document.querySelector('.pk:checked').value")
    press(browser, "b")

    assert int(picked) in {request.number for request in made}
    browser.until("location.pathname.startsWith('/approvals/batch/')")


def test_pointing_at_the_undo_bar_stops_its_clock(browser, found):
    press(browser, "a")
    browser.until("document.querySelector('.undo [data-left]')?.textContent.startsWith('Runs in')")

    bar = browser.driver.find_element("css selector", ".undo")
    ActionChains(browser.driver).move_to_element(bar).perform()

    browser.until("document.querySelector('.undo [data-left]')?.textContent.includes('Waits')")
    row = ApprovalRequest.objects.get(pk=found["first"].pk)
    assert (row.effective_at - row.decided_at).total_seconds() == 60


def test_new_requests_wait_behind_a_pill_and_lines_stay_where_they_are(browser, found):
    before = browser.script(
        "return document.getElementById(arguments[0]).getBoundingClientRect().top",
        f"row-{found['first'].number}",
    )
    urgent = factories.request_for(step(), summary="Urgent", deadline="20m")

    tell(urgent)

    browser.until("document.querySelector('.fresh')?.textContent.includes('1 new')")
    after = browser.script(
        "return document.getElementById(arguments[0]).getBoundingClientRect().top",
        f"row-{found['first'].number}",
    )
    assert after == before
    browser.until("document.title.startsWith('Approvals · 3 waiting')")
    browser.script("document.querySelector('.fresh').click()")
    browser.until(f"document.getElementById('row-{urgent.number}')")


def test_the_count_of_what_waits_comes_and_goes_on_every_page(browser, found):
    browser.open("/workflows/")
    browser.until(LIVE)
    badge = "document.querySelector('.nav [data-waiting]')"
    browser.until(f"{badge}.firstChild.data === '2' && !{badge}.hidden")

    for name in ("first", "second"):
        decided(found[name], found["ben"])
        tell(found[name])
    browser.until(f"{badge}.hidden")

    tell(factories.request_for(step(), summary="Third"))
    browser.until(f"{badge}.firstChild.data === '1' && !{badge}.hidden")


def test_what_somebody_else_decides_greys_and_disables(browser, found):
    decided(found["first"], found["ben"])
    tell(found["first"])

    browser.until(f"document.getElementById('row-{found['first'].number}')?.className === 'gone'")
    browser.until("document.getElementById('elsewhere').textContent.includes('approved by ben')")
    assert browser.script("return document.querySelector('.act .yes').disabled")


def test_everything_works_without_scripts_on_a_phone(browser, found):
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.size(390, 844)

    def find(selector):
        return browser.driver.find_element("css selector", selector)

    try:
        browser.driver.get(f"{browser.address}/approvals/?open=APR-{found['first'].number}")
        browser.until_there(".act .yes")
        sizes = [find(f".act .{name}").size for name in ("yes", "no")]
        find("details.fold summary").click()
        field = find("details.fold[open] [name=f0]")
        field.clear()
        field.send_keys("12.5" + Keys.ENTER)
        find("details.fold[open] .btn").click()
        browser.until_there(".act [name=arguments]")
        find(".act [name=reason]").send_keys("Freight" + Keys.ENTER)
        assert not Vote.objects.exists()
        find(".act .yes").click()
        browser.until_there(".undo")
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})

    assert sizes[0]["height"] >= 44
    assert abs(sizes[0]["width"] - sizes[1]["width"]) < 30
    vote = Vote.objects.get()
    assert (vote.answer["arguments"]["amount"], vote.reason) == (12.5, "Freight")
