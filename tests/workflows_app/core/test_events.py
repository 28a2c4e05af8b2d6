"""Which events fit what somebody named, and that store and wait always meet."""

from hypothesis import given
from hypothesis import strategies as st

from workflows_app.core.events import channel_of, channels_of, like_of, type_fits

WORDS = st.sampled_from(["a", "b", "order", "*"])
PATTERNS = st.lists(WORDS, min_size=1, max_size=3).map(".".join)
TYPES = st.lists(st.sampled_from(["a", "b", "order"]), min_size=1, max_size=4).map(".".join)
KEYS = st.sampled_from([None, "O-1", "O-2", ""])


def test_a_star_stands_for_anything():
    assert type_fits("order.*", "order.created")
    assert type_fits("order.*", "order.item.added")
    assert type_fits("*", "anything")
    assert not type_fits("order.*", "orders.created")
    assert not type_fits("order.created", "order.created.late")
    assert not type_fits("a.b", "axb")


def test_like_takes_nothing_but_the_star_for_a_wildcard():
    assert like_of("a_b.%*\\") == "a\\_b.\\%%\\\\"


@given(pattern=PATTERNS, type=TYPES, key=KEYS, subject=KEYS)
def test_whoever_could_take_an_event_is_on_one_of_its_channels(pattern, type, key, subject):
    if type_fits(pattern, type) and key in (None, subject):
        assert channel_of(pattern, key) in channels_of(type, subject)
