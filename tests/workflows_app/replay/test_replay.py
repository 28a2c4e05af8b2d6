"""Old runs still reach the same state: every recorded history is replayed on today's code."""

from collections import Counter

from tests.workflows_app.replay.recording import (
    record,
    record_rich,
    record_whole,
    recordings,
    replay,
)


def test_recorded_histories_are_reproduced():
    found = recordings()
    assert len(found) >= 1_000

    differing = [
        one["seed"]
        for one in found
        if (history := replay(one)) != ([list(row) for row in one["history"]], one["ended"])
        and history is not None
    ]

    assert differing == []


def test_the_same_seed_gives_the_same_history():
    assert record(4_711) == record(4_711)
    assert record_rich(4_711) == record_rich(4_711)
    assert record_whole(4_711) == record_whole(4_711)


def test_the_recordings_hold_what_waits():
    rich = [one for one in recordings() if one.get("world") == "rich"]
    types = Counter(row[0] for one in rich for row in one["history"])
    ports = Counter((row[6] or {}).get("port") for one in rich for row in one["history"])

    assert len(rich) >= 1_500
    assert types["state.changed"] > 500
    assert types["event.consumed"] > 500
    assert min(ports["late"], ports["stopped"]) > 50


def test_the_recordings_hold_what_is_taken_back_and_tried_again():
    whole = [one for one in recordings() if one.get("world") == "whole"]
    rows = [row for one in whole for row in one["history"]]
    types = Counter(row[0] for row in rows)
    reasons = Counter((row[6] or {}).get("reason") for row in rows if row[0] == "step.waiting")

    assert len(whole) >= 700
    assert types["step.undone"] > 500
    assert types["step.superseded"] > 100
    assert reasons["review"] > 500
    assert reasons["incident"] > 80
    assert reasons["retry"] > 20
