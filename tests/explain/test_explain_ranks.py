import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardplan.explain.words.ranks import compress


@pytest.mark.parametrize(
    ("ranks", "text"),
    [([], ""), ([3], "3"), ([0, 1, 2, 12], "0-2,12"), ([5, 4, 5], "4-5"), ([1, 3], "1,3")],
)
def test_ranks_are_compressed(ranks, text):
    assert compress(ranks) == text


@given(st.sets(st.integers(0, 40)))
def test_compressed_ranks_name_the_same_ranks(ranks):
    named = set()
    for span in filter(None, compress(ranks).split(",")):
        first, _, last = span.partition("-")
        named |= set(range(int(first), int(last or first) + 1))
    assert named == ranks
