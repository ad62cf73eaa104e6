"""JSON for people is the same bytes whether its parts are encoded one by one or at once."""

from __future__ import annotations

import json

from effort import examples
from hypothesis import example, given
from hypothesis import strategies as st

from shardplan.plan.file.reviewable_json import reviewable

TEXT = st.text(
    st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=6
) | st.sampled_from(["},{", '"},\\u0000{"', "],[", ", ", '\\"'])
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    PLAIN | TEXT,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(TEXT, inner, max_size=5)
        | st.lists(st.fixed_dictionaries({"a": inner, "b": inner}), max_size=6)
        | st.dictionaries(TEXT, st.fixed_dictionaries({"a": inner, "b": inner}), max_size=6)
    ),
    max_leaves=40,
)


def compact(value):
    return json.dumps(value, ensure_ascii=False)


def is_flat(items):
    return not any(isinstance(item, dict | list) for item in items)


def written(value, margin=""):
    """The rule: what holds plain values alone is on a line, and so is an element of a list."""
    inner = margin + "  "
    if isinstance(value, dict) and value and not is_flat(value.values()):
        lines = [f"{inner}{compact(key)}: {written(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{margin}}}"
    if isinstance(value, list) and value and not is_flat(value):
        return "[\n" + ",\n".join(inner + compact(item) for item in value) + f"\n{margin}]"
    return compact(value)


TABLES = {
    f"t_{number}": {
        "kind": "w",
        "ranks": [number],
        "shards": [{"offsets": [0, 0], "bytes": {"h": 1}}],
    }
    for number in range(9)
}


@example(TABLES)
@example(
    {"plan": {"m": TABLES | {"dp": {"kind": "d", "ranks": [0, 1]}}}, "tables": [{"n": [1]}] * 3}
)
@example({"a": [{"x": [{}, {}]}, {"x": []}], "b": [[], [[], []]]})
@examples(60)
@given(st.dictionaries(TEXT, VALUES, max_size=6))
def test_every_value_is_written_by_the_same_rule(value):
    text = reviewable(value)
    assert text == written(value) + "\n"
    assert json.loads(text) == value
