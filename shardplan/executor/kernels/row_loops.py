"""What numba compiles: ids sorted by row, gradients summed by row, and the optimizers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from shardplan.executor.kernels.vectors import add_members, add_times, fetch, sum_of_squares

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_DIGIT_BITS = 11
"""At most: so many counters stay in the nearest cache."""
_ROWS_AHEAD = 4
"""Rows of weights that are fetched before they are changed."""
_WORD = 32
"""Bits of a position, and of a row."""

SGD, ADAGRAD, ROWWISE_ADAGRAD, ADAM = range(4)
RATE, EPS, CORRECTION, BETA1, REST1, BETA2, REST2 = range(7)
"""Places of an optimizer's settings."""

# Unsigned indices, since numba asks of signed ones whether they count from the end.
_at, _float = np.uintp, np.float32


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Kept in a folder beside this file, or the user's own; in none, if neither can be written."""
    try:
        return njit(nogil=True, error_model="numpy", cache=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:
        return njit(nogil=True, error_model="numpy")(function)  # type: ignore[no-any-return]


@_compiled
def sort_pairs(ids: NDArray[np.int32], bits: int, pairs: NDArray[np.uint64]) -> tuple[int, int]:
    """Sort ids of that many bits, stably: in which of ``pairs`` they are, and how many differ.

    ``pairs`` (2, n) are of a row and its place among the ids. They are sorted by one digit of the
    row after the other, the lowest first.
    """
    passes = _at(max(1, -(-bits // _DIGIT_BITS)))
    digit_bits = _at(max(1, -(-bits // int(passes))))
    digits = _at(1) << digit_bits
    mask, word = digits - _at(1), _at(_WORD)
    counts = _places_of_digits(ids, passes, digit_bits)
    count = _at(ids.size)
    source, target = pairs[1], pairs[0]
    for place in range(count):
        key = _at(ids[place])
        to = counts[_at(0), key & mask]
        counts[_at(0), key & mask] = to + 1
        target[_at(to)] = key << word | place
    for digit in range(_at(1), passes):
        source, target = target, source
        shift = word + digit * digit_bits
        for place in range(count):
            value = source[place] >> shift & mask
            to = counts[digit, value]
            counts[digit, value] = to + 1
            target[_at(to)] = source[place]
    differ = int(count > _at(0))
    for place in range(_at(1), count):
        differ += target[place] >> word != target[place - _at(1)] >> word
    return 1 - int(passes) % 2, differ


@_compiled
def _places_of_digits(ids: NDArray[np.int32], passes: int, digit_bits: int) -> NDArray[np.int64]:
    """(passes, digits): where the ids with a digit begin, sorted by it."""
    digits = _at(1) << _at(digit_bits)
    counts = np.zeros((passes, digits), np.int64)
    for place in range(_at(ids.size)):
        key = _at(ids[place])
        for digit in range(_at(passes)):
            counts[digit, key & (digits - _at(1))] += 1
            key >>= _at(digit_bits)
    for digit in range(_at(passes)):
        total = 0
        for value in range(digits):
            total, counts[digit, value] = total + counts[digit, value], total
    return counts


@_compiled
def runs_of_pairs(
    pairs: NDArray[np.uint64],
    rows: NDArray[np.int64],
    order: NDArray[np.int32],
    offsets: NDArray[np.int64],
) -> None:
    """Take sorted pairs apart.

    Into the distinct ``rows`` (U,), the ``order`` (n,) of their places, and the ``offsets``
    (U + 1,) where each row's begin.
    """
    count, found, before = _at(pairs.size), _at(0), _at(0)
    for place in range(count):
        row = pairs[place] >> _at(_WORD)
        order[place] = np.int32(pairs[place] & _at(0xFFFFFFFF))
        if place == _at(0) or row != before:
            rows[found], offsets[found] = row, place
            found, before = found + _at(1), row
    offsets[found] = count


@_compiled
def numbers_of_rows(
    bags: NDArray[np.int64],
    lengths: NDArray[np.int64],
    order: NDArray[np.int32],
    room: NDArray[np.int32],
    numbers: NDArray[np.int32],
) -> None:
    """Fill ``numbers`` (n,) with the number of the bag of each id, ids in ``order``.

    ``bags`` and ``lengths`` (bags,) are the number and the ids of each bag, one behind the other.
    """
    place = _at(0)
    for bag in range(_at(lengths.size)):
        number = np.int32(bags[bag])
        for _ in range(lengths[bag]):
            room[place] = number
            place += _at(1)
    for each in range(_at(order.size)):
        numbers[each] = room[_at(order[each])]


@_compiled
def sum_by_row(
    first: int,
    end: int,
    base: int,
    gradients: NDArray[np.float32],
    numbers: NDArray[np.int32],
    factors: NDArray[np.float32],
    offsets: NDArray[np.int64],
    sums: NDArray[np.float32],
) -> None:
    """Sum the gradients of rows ``first`` to ``end``; the sum of row ``base`` is the first one."""
    columns = sums.shape[1]
    flat, out = gradients.reshape(-1), sums.reshape(-1)
    for row in range(_at(first), _at(end)):
        start, stop = offsets[row], offsets[row + _at(1)]
        to = row - _at(base)
        if start < stop:
            add_members(out, to * columns, flat, numbers, factors, start, stop, columns)
        else:
            sums[to] = _float(0)


@_compiled
def squares_by_row(sums: NDArray[np.float32], squares: NDArray[np.float32]) -> None:
    """Fill ``squares`` with the sum of squares of each row's columns."""
    columns = sums.shape[1]
    flat = sums.reshape(-1)
    for row in range(_at(squares.size)):
        squares[row] = sum_of_squares(flat, row * columns, columns)


@_compiled
def update_rows(
    first: int,
    end: int,
    optimizer: int,
    rows: NDArray[np.int64],
    gradients: NDArray[np.float32],
    numbers: NDArray[np.int32],
    factors: NDArray[np.float32],
    offsets: NDArray[np.int64],
    scale: np.float32,
    squares: NDArray[np.float32],
    dim: np.float32,
    weights: NDArray[np.float32],
    state1: NDArray[np.float32],
    state2: NDArray[np.float32],
    settings: NDArray[np.float32],
) -> None:
    """One step of an optimizer on ``rows[first:end]``, whose gradients times ``scale`` are summed.

    ``squares`` (U,) are those of each row, summed over the ``dim`` columns of its table, for
    row-wise Adagrad; without them they are those of the columns here. ``state1`` and ``state2`` are
    (rows of the store, columns or 1), and empty where the optimizer has none.
    """
    columns = weights.shape[1]
    flat, out = gradients.reshape(-1), weights.reshape(-1)
    flat1, flat2 = state1.reshape(-1), state2.reshape(-1)
    gradient = np.empty(columns, np.float32)
    for row in range(_at(first), _at(end)):
        if row + _at(_ROWS_AHEAD) < _at(end):
            fetch(out, rows[row + _at(_ROWS_AHEAD)] * columns, columns)
        start, stop = offsets[row], offsets[row + _at(1)]
        add_members(gradient, 0, flat, numbers, factors, start, stop, columns)
        if scale != _float(1):
            gradient *= scale
        place = rows[row] * columns
        if optimizer == SGD:
            add_times(out, place, gradient, -settings[RATE], columns)
        elif optimizer == ROWWISE_ADAGRAD:
            square = squares[row] if squares.size else sum_of_squares(gradient, 0, columns)
            total = flat1[_at(rows[row])] + square / dim
            flat1[_at(rows[row])] = total
            factor = _float(1) / (np.sqrt(total) + settings[EPS]) * -settings[RATE]
            add_times(out, place, gradient, factor, columns)
        elif optimizer == ADAGRAD:
            _adagrad(_at(place), gradient, out, flat1, settings)
        else:
            _adam(_at(place), gradient, out, flat1, flat2, settings)


@_compiled
def _adagrad(
    place: int,
    gradient: NDArray[np.float32],
    weights: NDArray[np.float32],
    sums: NDArray[np.float32],
    settings: NDArray[np.float32],
) -> None:
    rate, eps = settings[RATE], settings[EPS]
    for column in range(_at(gradient.size)):
        at, each = place + column, gradient[column]
        total = sums[at] + each * each
        sums[at] = total
        weights[at] += each * -rate / (np.sqrt(total) + eps)


@_compiled
def _adam(
    place: int,
    gradient: NDArray[np.float32],
    weights: NDArray[np.float32],
    means: NDArray[np.float32],
    squares: NDArray[np.float32],
    settings: NDArray[np.float32],
) -> None:
    """``settings`` have the rate and the root of the squares' correction of this step."""
    rate, eps, correction = settings[RATE], settings[EPS], settings[CORRECTION]
    keep1, take1 = settings[BETA1], settings[REST1]
    keep2, take2 = settings[BETA2], settings[REST2]
    for column in range(_at(gradient.size)):
        at, each = place + column, gradient[column]
        mean = means[at] * keep1 + each * take1
        square = squares[at] * keep2 + each * each * take2
        means[at], squares[at] = mean, square
        weights[at] += mean * -rate / (np.sqrt(square) / correction + eps)
