"""What every answer carries, static files, and the two questions of a process manager."""

import pytest
from django.db import OperationalError

from project import health


@pytest.mark.django_db
def test_ready_names_the_state_of_database_and_broker(client, broker_url):
    answer = client.get("/ready")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "broker": "ok"}
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_a_broker_that_is_away_takes_nobody_out_of_service(client, monkeypatch):
    monkeypatch.setattr(health, "broker_state", lambda: "unreachable")

    answer = client.get("/ready")

    assert (answer.status_code, answer.json()["broker"]) == (200, "unreachable")


def test_without_its_database_a_process_is_alive_and_not_ready(client, monkeypatch):
    def refuse():
        raise OperationalError

    monkeypatch.setattr(health, "broker_state", lambda: "ok")
    monkeypatch.setattr(health.connection, "cursor", refuse)
    monkeypatch.setattr(health, "migrations_pending", lambda: False)

    ready, alive = client.get("/ready"), client.get("/health")

    assert (ready.status_code, ready.json()["database"]) == (503, "unreachable")
    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})


def test_a_database_that_lacks_a_migration_is_not_ready(client, monkeypatch):
    health._seen_migrated.clear()
    monkeypatch.setattr(health, "broker_state", lambda: "ok")
    monkeypatch.setattr(health, "migrations_pending", lambda: True)

    answer = client.get("/ready")

    assert (answer.status_code, answer.json()["database"]) == (503, "not migrated")


def test_only_our_own_scripts_and_styles_run(client):
    answer = client.get("/health")

    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_static_file_comes_whole_and_only_when_it_changed(client):
    first = client.get("/static/admin/css/base.css")
    again = client.get("/static/admin/css/base.css", headers={"If-None-Match": first["ETag"]})
    absent = client.get("/static/../manage.py")

    assert first.status_code == 200
    assert not first.streaming
    assert first["Content-Type"].startswith("text/css")
    assert int(first["Content-Length"]) == len(first.content)
    assert (again.status_code, again.content) == (304, b"")
    assert absent.status_code == 404
