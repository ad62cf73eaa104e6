import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardplan.plan.checks.coverage import coverage_fault


@pytest.mark.parametrize(
    ("rectangles", "fault"),
    [
        ([(0, 0, 5, 4), (5, 0, 5, 4), (0, 4, 10, 4)], ""),
        ([(0, 0, 5, 8), (6, 0, 4, 8)], "rows 5..6 of columns 0..8 are in no shard"),
        ([(0, 0, 10, 4)], "rows 0..10 of columns 4..8 are in no shard"),
        ([(0, 0, 3, 8), (3, 0, 7, 4), (3, 3, 7, 5)], "shards 1 and 2 overlap from row 3, column 3"),
        ([(0, 0, 11, 8)], "shard 0 reaches to row 11, column 8 of a table of 10 x 8"),
        ([(0, 0, 10, 8), (0, 0, 10, 8)], "shards 0 and 1 overlap from row 0, column 0"),
        ([(0, 0, 0, 8)], "rows 0..10 of columns 0..8 are in no shard"),
        ([], "rows 0..10 of columns 0..8 are in no shard"),
    ],
)
def test_says_where_a_table_of_10_by_8_is_not_covered_exactly_once(rectangles, fault):
    assert coverage_fault(rectangles, 10, 8) == fault


_RECTANGLES = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 5), st.integers(0, 5)),
    max_size=7,
)


def _covered_once(rectangles, rows: int, columns: int) -> bool:
    """By painting every cell."""
    cells = np.zeros((20, 20), dtype=int)
    for row, column, height, width in rectangles:
        cells[row : row + height, column : column + width] += 1
    inside = cells[:rows, :columns]
    reaches_out = any(r + h > rows or c + w > columns for r, c, h, w in rectangles)
    return bool((inside == 1).all()) and not reaches_out


@given(_RECTANGLES)
def test_agrees_with_painting_every_cell_on_random_rectangles(rectangles):
    assert (coverage_fault(rectangles, 5, 5) == "") == _covered_once(rectangles, 5, 5)


@given(st.data())
def test_accepts_any_cutting_of_a_table_and_no_cutting_with_one_part_moved(data):
    parts = [(0, 0, 12, 16)]
    for _ in range(data.draw(st.integers(0, 8))):
        row, column, height, width = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        if data.draw(st.booleans()) and height > 1:
            cut = data.draw(st.integers(1, height - 1))
            parts += [(row, column, cut, width), (row + cut, column, height - cut, width)]
        elif width > 1:
            cut = data.draw(st.integers(1, width - 1))
            parts += [(row, column, height, cut), (row, column + cut, height, width - cut)]
        else:
            parts.append((row, column, height, width))
    parts = data.draw(st.permutations(parts))
    assert coverage_fault(parts, 12, 16) == ""
    row, column, height, width = parts[0]
    moved = [(row + 1, column, height, width), *parts[1:]]
    assert coverage_fault(moved, 12, 16) != ""
