"""The bell wakes one waiting worker at once; without it, the messages do what they always did."""

import json
import threading
import time
from uuid import UUID, uuid4

import pytest
from redis import Redis

from tests.engine_harness import until
from workflows_app.bell import KEPT, KEY, Bell, Ear


@pytest.fixture
def broker(broker_url):
    """Give a client of the broker, with nothing rung."""
    client = Redis.from_url(broker_url.replace("redis+socket://", "unix://"))
    client.delete(KEY)
    yield client
    client.delete(KEY)
    client.close()


@pytest.fixture
def heard(broker):
    """Give two ears, and what each of them heard."""
    taken: list[list[list[UUID]]] = [[], []]
    ears = [Ear(taken[0].append), Ear(taken[1].append)]
    for ear in ears:
        ear.start()
    until(lambda: broker.info("clients")["blocked_clients"] >= 2)
    yield ears, taken
    for ear in ears:
        ear.stop()
    for _ in ears:  # a ring each, so that none waits any longer
        broker.rpush(KEY, "[]")


def test_one_of_those_who_wait_hears_what_was_rung_for(heard):
    ears, taken = heard
    run_ids = [uuid4(), uuid4()]
    assert Bell().ring(run_ids)
    until(lambda: taken[0] or taken[1])
    assert taken[0] + taken[1] == [run_ids]
    unheard = [ear.unheard(run_ids) for ear in ears]
    assert sorted(map(len, unheard)) == [0, 2]


def test_what_is_passed_on_may_come_back_as_a_message(heard):
    ears, taken = heard
    run_id = uuid4()
    assert Bell().ring([run_id])
    until(lambda: taken[0] or taken[1])
    hearer = ears[0] if taken[0] else ears[1]
    hearer.forget([run_id])
    assert hearer.unheard([run_id]) == [run_id]


@pytest.mark.parametrize("text", ["", "{", "[1]", '["not a run"]', '{"a": 1}', "\u00ff"])
def test_a_ring_for_nothing_known_is_dropped_and_the_next_is_heard(heard, broker, text):
    _, taken = heard
    broker.rpush(KEY, text)
    broker.rpush(KEY, text)
    run_id = uuid4()
    broker.rpush(KEY, json.dumps([str(run_id)]))
    until(lambda: [run_id] in taken[0] + taken[1])


def test_rings_that_nobody_takes_are_forgotten(broker):
    bell = Bell()
    for _ in range(KEPT + 5):
        assert bell.ring([uuid4()])
    assert broker.llen(KEY) == KEPT


def test_what_comes_fast_is_to_be_gathered(broker, monkeypatch):
    monkeypatch.setattr("workflows_app.bell.QUIET", 60.0)
    bell = Bell()
    assert bell.ring_alone([uuid4()])
    assert not bell.ring_alone([uuid4()])
    assert bell.ring([uuid4()])


def test_a_broker_that_is_away_is_left_alone_for_a_moment(settings, tmp_path):
    settings.BROKER_URL = f"redis+socket://{tmp_path}/nobody.sock"
    bell = Bell()
    assert not bell.ring([uuid4()])
    begun = time.monotonic()
    assert not any(bell.ring([uuid4()]) for _ in range(100))
    assert time.monotonic() - begun < 0.2  # none of them tried to connect


def test_a_broker_without_lists_has_no_bell(settings):
    settings.BROKER_URL = "amqp://guest@localhost//"
    assert not Bell().ring([uuid4()])
    threads = threading.active_count()
    Ear(lambda run_ids: None).start()
    assert threading.active_count() == threads
