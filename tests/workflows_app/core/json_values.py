"""Strategies for JSON values, as the product takes them."""

from hypothesis import strategies as st

texts = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=20)
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | texts


def containers(inner):
    """Give lists and objects of `inner`."""
    return st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5)


json_values = st.recursive(scalars, containers, max_leaves=25)
