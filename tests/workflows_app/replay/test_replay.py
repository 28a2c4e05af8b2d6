"""Old runs still reach the same state: every recorded history is replayed on today's code."""

from tests.workflows_app.replay.recording import record, recordings, replay


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
