"""Settings from the environment: what is read, and what is refused."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from project.environment import (
    database_settings,
    env_bool,
    env_int,
    env_list,
    extra_apps,
    home_folder,
    listen_address,
    secret_key,
)


def test_a_database_address_keeps_everything_that_libpq_knows():
    found = database_settings(
        "postgres://ann:s%40fe@db.example:6432/flows?sslmode=verify-full&options=-c%20search_path%3Dx",
        role="web",
        pool_size=8,
    )

    assert (found["NAME"], found["USER"], found["PASSWORD"]) == ("flows", "ann", "s@fe")
    assert (found["HOST"], found["PORT"]) == ("db.example", "6432")
    assert found["CONN_MAX_AGE"] == 0
    assert found["OPTIONS"] == {
        "application_name": "countersign web",
        "prepare_threshold": 1_000_000,
        "sslmode": "verify-full",
        "options": "-c lock_timeout=5s -c idle_in_transaction_session_timeout=10s -c jit=off"
        " -c search_path=x",
        "pool": {"min_size": 0, "max_size": 8, "timeout": 20, "max_idle": 60},
    }


def test_a_command_has_one_plain_connection():
    found = database_settings("postgres:///flows", role="manage", pool_size=0)

    assert "pool" not in found["OPTIONS"]


def test_what_prepares_a_database_may_take_its_time():
    found = database_settings("postgres:///flows", role="prepare", pool_size=0)

    assert found["OPTIONS"]["options"] == "-c jit=off"


def test_a_database_of_another_kind_is_refused():
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL must be a postgres:// address"):
        database_settings("mysql://db/flows", role="web", pool_size=8)


def test_the_listening_connection_is_named():
    assert "application_name='countersign web relay'" in listen_address(
        "postgres://db/flows", role="web"
    )


@pytest.mark.parametrize("text", ["-1", "x", "1.5"])
def test_a_number_that_is_none_is_refused(monkeypatch, text):
    monkeypatch.setenv("WORKERS", text)

    with pytest.raises(ImproperlyConfigured, match="WORKERS must be a whole number from 1"):
        env_int("WORKERS", 1, lowest=1)


def test_a_switch_is_on_off_or_refused(monkeypatch):
    monkeypatch.setenv("STAND_IN", "On")
    assert env_bool("STAND_IN") is True
    monkeypatch.setenv("STAND_IN", "")
    assert env_bool("STAND_IN") is False
    monkeypatch.setenv("STAND_IN", "maybe")
    with pytest.raises(ImproperlyConfigured, match="STAND_IN must be 1 or 0"):
        env_bool("STAND_IN")


def test_lists_are_parted_by_commas(monkeypatch):
    monkeypatch.setenv("EGRESS_ALLOW", " a:1, ,b:2 ")

    assert env_list("EGRESS_ALLOW") == ["a:1", "b:2"]


def test_the_home_is_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COUNTERSIGN_HOME")

    assert home_folder() == tmp_path / ".countersign"


def test_a_secret_key_is_made_once_and_private(monkeypatch, tmp_path):
    monkeypatch.delenv("SECRET_KEY")
    home = tmp_path / "home"

    first, second = secret_key(home), secret_key(home)

    assert first == second
    assert len(first) > 50
    assert (home / "secret_key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in home.iterdir()] == ["secret_key"]


def test_a_home_that_cannot_hold_the_key_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.delenv("SECRET_KEY")
    (tmp_path / "file").touch()

    with pytest.raises(ImproperlyConfigured, match=r"cannot be written .Not a directory.: set "):
        secret_key(tmp_path / "file" / "home")


def test_extra_apps_are_modules_or_their_configurations(monkeypatch):
    monkeypatch.setenv("EXTRA_APPS", "tests.bench.work, tests.bench.work.apps.BenchWorkConfig")

    assert extra_apps() == ["tests.bench.work", "tests.bench.work.apps.BenchWorkConfig"]


def test_an_extra_app_that_is_nowhere_is_refused(monkeypatch):
    monkeypatch.setenv("EXTRA_APPS", "tests.bench.work,nowhere.to_be_found")

    with pytest.raises(ImproperlyConfigured, match=r"EXTRA_APPS names 'nowhere\.to_be_found'"):
        extra_apps()
