"""A long queue is read a page at a time, and says that there is more."""

import re

import pytest
from django.urls import reverse

from approvals_app.selectors import queue
from approvals_app.views import pages
from approvals_app.views import queue as lines
from tests.approvals_app import factories

pytestmark = pytest.mark.django_db
PAGE = 3


@pytest.fixture(autouse=True)
def short_pages(monkeypatch):
    monkeypatch.setattr(pages, "SHOWN", PAGE)
    monkeypatch.setattr(pages, "SHOWN_MOST", 2 * PAGE)
    monkeypatch.setattr(lines, "HELD_MOST", 2 * PAGE)


@pytest.fixture
def anna(people, client):
    client.force_login(people["anna"])
    return client


def rows(text):
    return [int(number) for number in re.findall(r'id="row-(\d+)"', text)]


def more(text):
    found = re.search(r'<a class="more[^"]*" href="([^"]+)"', text)
    return found and found[1].replace("&amp;", "&")


def test_further_lines_come_behind_those_that_are_there(anna):
    made = [factories.request_for(deadline=f"{hours}h").number for hours in range(2, 7)]

    first = anna.get("/approvals/").content.decode()
    headers = {"HX-Request": "true", "HX-Target": "queue"}
    second = anna.get(more(first), headers=headers).content.decode()

    assert rows(first) == made[:PAGE]
    assert "1 of 3+" in first
    assert "due soon" not in first
    assert rows(second) == made
    assert more(second) is None


def test_at_the_end_of_what_is_shown_it_says_to_filter(anna):
    for hours in range(2, 10):
        factories.request_for(deadline=f"{hours}h")

    text = anna.get("/approvals/?shown=6").content.decode()

    assert len(rows(text)) == 2 * PAGE
    assert more(text) is None
    assert "There are more. Filter" in text


def test_a_page_that_is_full_of_what_is_due_soon_says_so(anna):
    made = [factories.request_for(deadline="5h") for _ in range(PAGE + 1)]
    for request in made:
        factories.due_in_past(request, seconds=-60)

    assert f"{PAGE}+ due soon" in anna.get("/approvals/").content.decode()


def test_new_requests_push_nothing_out_that_a_page_shows(anna):
    made = [factories.request_for(deadline=f"{hours}h").number for hours in range(2, 5)]
    first = anna.get("/approvals/").content.decode()
    again = re.search(r'id="queue" hx-get="([^"]+)"', first)[1].replace("&amp;", "&")
    for _ in range(2):
        factories.request_for(deadline="1h")

    headers = {"HX-Request": "true", "HX-Target": "queue"}
    text = anna.get(again, headers=headers).content.decode()

    assert rows(first) == rows(text) == made
    assert "2 new" in text


@pytest.mark.parametrize("shown", ["x", "-1", "99999", ""])
def test_nonsense_in_the_address_is_a_page(anna, shown):
    factories.request_for()

    assert anna.get(f"/approvals/?shown={shown}").status_code == 200


def test_whoever_answered_all_sees_how_much_that_was(anna):
    request = factories.request_for()
    body = {"decision": "approve", "digest": request.digest, "view": "mine"}
    anna.post(reverse("approvals:decide", args=[request.number]), body)

    assert "Nothing waits for you. Decided today: 1" in anna.get("/approvals/").content.decode()
    assert tuple(key for key, _ in pages.TABS) == queue.VIEWS


@pytest.mark.parametrize(
    ("view", "words"),
    [
        ("teams", "Nothing waits for anybody."),
        ("delegated", "Nothing that you handed on waits."),
        ("decided", "Nothing has been decided yet."),
    ],
)
def test_an_empty_tab_says_what_it_would_hold(anna, view, words):
    assert words in anna.get(f"/approvals/?view={view}").content.decode()
