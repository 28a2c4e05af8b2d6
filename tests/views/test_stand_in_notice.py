"""A run says that the stand-in model answered, and only where it did."""

import pytest

from tests.views import factories


@pytest.mark.parametrize(
    ("mode", "tokens", "words"),
    [
        ("live", 12, "Stand-in model."),
        ("live", 0, ""),
        ("rehearsal", 0, "Rehearsal."),
    ],
)
def test_the_stand_in_is_named_where_it_answered(client, owner, version, mode, tokens, words):
    run = factories.run_make(version, mode=mode, uses_stand_in=True, input_tokens=tokens)
    client.force_login(owner)

    body = client.get(f"/runs/RUN-{run.number}/").content.decode()

    told = [one for one in ("Stand-in model.", "Rehearsal.") if one in body]
    assert told == ([words] if words else [])
