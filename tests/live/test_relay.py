"""What the relay keeps for a socket, and how it reads notifications."""

from uuid import uuid4

import pytest

from workflows_app.live.relay import PATHS_PENDING, Subscription, run_ids_of


def subscription(*topics):
    return Subscription(frozenset(topics), frozenset())


def test_a_slow_reader_is_given_the_newest_state_of_each_step():
    one = subscription("run:a")

    one.put("run:a", 3, [("draft", "running", 5)])
    one.put("run:a", 4, [("draft", "succeeded", 9), ("issue", "ready", 0)])

    assert one.take("run:a") == {
        "topic": "run:a",
        "sequence": 4,
        "steps": [["draft", "succeeded", 9], ["issue", "ready", 0]],
    }
    assert one.take("run:a") is None


def test_too_much_to_keep_becomes_a_call_to_read_again():
    one = subscription("run:a")

    one.put("run:a", 9, [(f"map[{place}]", "succeeded", 1) for place in range(PATHS_PENDING + 1)])

    assert one.take("run:a") == {"topic": "run:a", "sequence": 9, "steps": [], "resync": True}


def test_notifications_name_runs():
    first, second = uuid4(), uuid4()

    assert run_ids_of([f'["{first}"]', f'["{second}", "{first}"]']) == {first, second}


@pytest.mark.parametrize("payload", ["look", "", "{}x", "[1]", '["nonsense"]', "null"])
def test_any_other_notification_means_look(payload):
    assert run_ids_of([payload]) is None
