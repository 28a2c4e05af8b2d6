"""Where no connection to the database is free: people wait in line, then are told to come again."""

import threading
from contextlib import contextmanager

import pytest
from django.db import connection
from django.test import Client

from approvals_app.models import MailLink, Vote
from approvals_app.services.mail_links import link_make
from tests.approvals_app import factories

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def nothing_free(monkeypatch):
    """Hold every connection of the pool, and let nobody wait long for one."""
    pool = connection.pool
    held = [pool.getconn() for _ in range(pool.max_size - 1)]  # one is the test's own
    monkeypatch.setattr(pool, "timeout", 0.2)
    try:
        yield
    finally:
        for one in held:
            pool.putconn(one)


def elsewhere(ask):
    """Ask in another thread: it has no connection yet."""
    found = []

    def run():
        try:
            found.append(ask())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


def test_pages_and_programs_are_told_to_come_again(people, monkeypatch):
    client = Client(raise_request_exception=False)
    client.force_login(people["anna"])

    with nothing_free(monkeypatch):
        page = elsewhere(lambda: client.get("/approvals/"))
        given = elsewhere(lambda: client.get("/api/v1/approvals"))

    assert (page.status_code, page["Retry-After"]) == (503, "5")
    assert "try again in a few seconds" in page.content.decode()
    assert (given.status_code, given["Retry-After"]) == (503, "5")
    assert given.json()["code"] == "unavailable"


def test_an_answer_by_mail_that_found_no_connection_can_be_sent_again(people, monkeypatch):
    request = factories.request_for(risk="low")
    signed = link_make(request, people["anna"])
    body = {"decision": "approve", "digest": request.digest}
    client = Client(raise_request_exception=False)

    with nothing_free(monkeypatch):
        refused = elsewhere(lambda: client.post(f"/d/{signed}/", body))

    assert (refused.status_code, refused["Retry-After"]) == (503, "5")
    assert not Vote.objects.exists()
    assert MailLink.objects.get().used_at is None
    assert client.post(f"/d/{signed}/", body).status_code == 200
    assert Vote.objects.get().person == people["anna"]


def test_who_waits_in_line_is_served(people, monkeypatch):
    client = Client()
    client.force_login(people["anna"])
    pool = connection.pool
    held = [pool.getconn() for _ in range(pool.max_size - 1)]
    monkeypatch.setattr(pool, "timeout", 60)
    freed = threading.Timer(0.5, lambda: [pool.putconn(one) for one in held])
    freed.start()

    page = elsewhere(lambda: client.get("/approvals/"))

    freed.join()
    assert page.status_code == 200
