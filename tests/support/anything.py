"""A strategy of hypothesis: what a file of JSON or YAML may hold."""

from hypothesis import strategies as st

words = st.text(max_size=6) | st.sampled_from(["{a}", "{", "[", "\\1"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.integers(), inner, max_size=3),
    max_leaves=8,
)
