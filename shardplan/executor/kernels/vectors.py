"""Runs of fp32 numbers, as LLVM's vectors: what a loop over rows does to one row.

numba turns none of these into vectors by itself: it cannot know that arrays do not overlap, and may
not add the members of a sum in another order. A width of LLVM's is none of the processor's; LLVM
makes of it what the processor has, so that the order of adding is the same on all of them.

numba keeps what it has compiled until the file of the loop changes, and does not look at this one:
who changes this one removes what lies in ``__pycache__``.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

if TYPE_CHECKING:
    from collections.abc import Iterator

_FLOAT, _BYTE, _INT, _LONG = ir.FloatType(), ir.IntType(8), ir.IntType(32), ir.IntType(64)
_WIDTHS = (64, 32, 16, 8, 4, 1)
"""Columns at once, the widest first: 64 are half of the registers of AVX2."""
_LANES = 16
"""Sums of squares side by side."""
_LINE = 16
"""Numbers of a line of the cache."""
_AHEAD = 8
"""Members that are fetched before they are added."""


@intrinsic  # type: ignore[untyped-decorator]
def add_members(
    typing: Any, out: Any, first: Any, values: Any, members: Any, factors: Any,
    start: Any, end: Any, size: Any,
) -> Any:  # fmt: skip
    """Make ``out[first : first + size]`` the sum of rows ``members[start:end]`` of flat ``values``.

    From the first to the last; each times its number of ``factors`` where there are any. There is
    one member at least.
    """
    place = types.intp
    signature = types.void(out, place, values, members, factors, place, place, place)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        to, *arrays = (_array(context, builder, kinds[i], args[i]) for i in (0, 2, 3, 4))
        to.data = builder.gep(to.data, [args[1]])
        weighs = builder.icmp_signed(">", _length(builder, arrays[2]), _LONG(0))
        with builder.if_else(weighs) as (then, otherwise):
            with then:
                _add_members(builder, to, arrays, *args[5:])
            with otherwise:
                _add_members(builder, to, [*arrays[:2], None], *args[5:])
        return context.get_dummy_value()

    return signature, generate


def _add_members(
    builder: Any, out: Any, arrays: list[Any], start: Any, end: Any, size: Any
) -> None:
    values, members, factors = arrays
    last = builder.sub(_length(builder, members), _LONG(1))

    def place(member: Any, column: Any) -> Any:
        row = builder.sext(builder.load(builder.gep(members.data, [member])), _LONG)
        return builder.add(builder.mul(row, size), column)

    def fetched(member: Any, column: Any, width: int) -> None:
        ahead = builder.add(member, _LONG(_AHEAD))
        ahead = builder.select(builder.icmp_signed("<", ahead, last), ahead, last)
        _prefetch(builder, values, place(ahead, column), width)

    def read(member: Any, column: Any, width: int) -> Any:
        row = _load(builder, values, place(member, column), width)
        if factors is None:
            return row
        return builder.fmul(row, _spread(builder, _load(builder, factors, member, 1), width))

    for column, width in _spans(builder, size, _WIDTHS):
        fetched(start, column, width)
        total = cgutils.alloca_once(builder, ir.VectorType(_FLOAT, width))
        builder.store(read(start, column, width), total)
        others = builder.add(start, _LONG(1))
        with cgutils.for_range_slice(builder, others, end, _LONG(1), _LONG) as (member, _):
            fetched(member, column, width)
            added = builder.fadd(builder.load(total), read(member, column, width))
            builder.store(added, total)
        _store(builder, builder.load(total), out, column, width)


@intrinsic  # type: ignore[untyped-decorator]
def sum_of_squares(typing: Any, values: Any, first: Any, size: Any) -> Any:
    """Of ``values[first : first + size]``: every 16th by itself, then halves onto halves."""
    signature = types.float32(values, types.intp, types.intp)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = _array(context, builder, signature.args[0], args[0])
        array.data = builder.gep(array.data, [args[1]])
        zeros = {
            width: ir.Constant(ir.VectorType(_FLOAT, width), [_FLOAT(0)] * width)
            for width in (_LANES, 1)
        }
        sums = {width: cgutils.alloca_once_value(builder, zeros[width]) for width in zeros}
        for column, width in _spans(builder, args[2], (*zeros,)):
            each = _load(builder, array, column, width)
            added = builder.fadd(builder.load(sums[width]), builder.fmul(each, each))
            builder.store(added, sums[width])
        lanes = builder.load(sums[_LANES])
        for half in (8, 4, 2, 1):
            parts = [_part(builder, lanes, first, half) for first in (0, half)]
            lanes = builder.fadd(*parts)
        total = builder.fadd(lanes, builder.load(sums[1]))
        return builder.extract_element(total, _INT(0))

    return signature, generate


@intrinsic  # type: ignore[untyped-decorator]
def add_times(typing: Any, out: Any, first: Any, values: Any, factor: Any, size: Any) -> Any:
    """Add to ``out[first : first + size]`` the values (size,) times a number."""
    signature = types.void(out, types.intp, values, types.float32, types.intp)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        to = _array(context, builder, signature.args[0], args[0])
        array = _array(context, builder, signature.args[2], args[2])
        for column, width in _spans(builder, args[4], _WIDTHS[2:]):
            number = builder.insert_element(
                ir.Constant(ir.VectorType(_FLOAT, 1), ir.Undefined), args[3], _INT(0)
            )
            change = builder.fmul(
                _load(builder, array, column, width), _spread(builder, number, width)
            )
            at = builder.add(args[1], column)
            _store(builder, builder.fadd(_load(builder, to, at, width), change), to, at, width)
        return context.get_dummy_value()

    return signature, generate


@intrinsic  # type: ignore[untyped-decorator]
def fetch(typing: Any, values: Any, first: Any, size: Any) -> Any:
    """Have the processor bring ``values[first : first + size]`` into its cache meanwhile."""
    signature = types.void(values, types.intp, types.intp)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = _array(context, builder, signature.args[0], args[0])
        steps = cgutils.for_range_slice(builder, _LONG(0), args[2], _LONG(_LINE), _LONG)
        with steps as (column, _):
            _prefetch(builder, array, builder.add(args[1], column), 1)
        return context.get_dummy_value()

    return signature, generate


def _array(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return context.make_array(kind)(context, builder, value)


def _length(builder: Any, array: Any) -> Any:
    return builder.extract_value(array.shape, 0)


def _spans(builder: Any, size: Any, widths: tuple[int, ...]) -> Iterator[tuple[Any, int]]:
    """Loops over as many columns of each width as there are left; what is built lies in them."""
    column = cgutils.alloca_once_value(builder, _LONG(0))
    for width in widths:
        with _while_there_are(builder, column, size, width) as first:
            yield first, width


@contextmanager
def _while_there_are(builder: Any, column: Any, size: Any, width: int) -> Iterator[Any]:
    asked, body, done = (builder.append_basic_block(f"{part}{width}") for part in "abd")
    builder.branch(asked)
    builder.position_at_end(asked)
    first = builder.load(column)
    end = builder.add(first, _LONG(width))
    builder.cbranch(builder.icmp_signed("<=", end, size), body, done)
    builder.position_at_end(body)
    yield first
    builder.store(end, column)
    builder.branch(asked)
    builder.position_at_end(done)


def _at(builder: Any, array: Any, first: Any, width: int) -> Any:
    pointer = builder.gep(array.data, [first])
    return builder.bitcast(pointer, ir.VectorType(_FLOAT, width).as_pointer())


def _load(builder: Any, array: Any, first: Any, width: int) -> Any:
    return builder.load(_at(builder, array, first, width), align=4)


def _store(builder: Any, value: Any, array: Any, first: Any, width: int) -> None:
    builder.store(value, _at(builder, array, first, width), align=4)


def _spread(builder: Any, number: Any, width: int) -> Any:
    """A vector of one number as one of many."""
    return builder.shuffle_vector(
        number, number, ir.Constant(ir.VectorType(_INT, width), [_INT(0)] * width)
    )


def _part(builder: Any, vector: Any, first: int, width: int) -> Any:
    places = [_INT(first + place) for place in range(width)]
    return builder.shuffle_vector(vector, vector, ir.Constant(ir.VectorType(_INT, width), places))


def _prefetch(builder: Any, array: Any, first: Any, width: int) -> None:
    pointer = _BYTE.as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [pointer, _INT, _INT, _INT])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    for line in range(0, width, _LINE):
        at = builder.gep(array.data, [builder.add(first, _LONG(line))])
        builder.call(function, [builder.bitcast(at, pointer), _INT(0), _INT(3), _INT(1)])
