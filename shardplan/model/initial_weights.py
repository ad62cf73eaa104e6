"""How the weights of a model's table begin, as far as its ``init_fn`` can be read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shardplan.model.sparse_module import SparseModule

OF_WHOLE_TABLES = frozenset({"orthogonal_", "eye_", "dirac_", "sparse_"})
"""Functions of ``torch.nn.init`` in which weights of one table depend on each other."""
_MOST = 5
"""Tables that a note names for each function."""
_HOME = "torch.nn.init"


@dataclass(frozen=True, slots=True)
class Uniform:
    """Every weight is uniform between two bounds, which may be one number."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Normal:
    """Every weight is normal, or what of a normal distribution lies between two bounds."""

    mean: float
    std: float
    low: float = -math.inf
    high: float = math.inf


InitialWeights = Uniform | Normal
"""What each weight of a table is drawn from by itself, however the table is cut."""


def initial_weights(init_fn: Any, rows: int, dim: int) -> tuple[InitialWeights | None, str]:
    """(what weights are drawn from, name of the function), of which at most one says something.

    Read are the functions of ``torch.nn.init`` that give every weight its value by itself, whole
    tables of ``rows`` and ``dim`` given. None and no name is TorchRec's own start, which a config
    without ``init_fn`` is given: uniform within ``1 / sqrt(rows)``. Any other function is named
    alone: what it gives depends on the shape of what it is given, or on what else only it knows.
    """
    is_partial = isinstance(init_fn, partial)
    given = init_fn.func if is_partial else init_fn
    values = dict(init_fn.keywords) if is_partial else {}
    name = str(getattr(given, "__name__", type(given).__name__))
    is_torch = getattr(given, "__module__", "") == _HOME
    if not is_torch or name not in _READ or (is_partial and init_fn.args):
        return None, name
    try:
        found = _READ[name](rows, dim, **values)
    except TypeError:  # A generator, or what PyTorch's function takes in another version.
        return None, name
    usual = math.sqrt(1 / rows)
    return (None if found == Uniform(-usual, usual) else found), ""


def start_note(modules: Iterable[SparseModule]) -> str:
    """What engines do with functions that cannot be read; empty where there are none."""
    found: dict[str, list[str]] = {}
    for module in modules:
        for table in module.tables:
            if table.init_fn:
                where = ".".join(part for part in (module.path, table.name) if part)
                found.setdefault(table.init_fn, []).append(where)
    if not found:
        return ""
    of_tables = "; ".join(
        f"init_fn {name} of {', '.join(tables[:_MOST])}"
        + (f" and {len(tables) - _MOST} more" if len(tables) > _MOST else "")
        for name, tables in found.items()
    )
    return (
        f"{of_tables}: the native engine refuses it, and TorchRec calls it on each shard, which is "
        "right only where every weight depends on nothing but itself"
    )


def by_shape(init_fn: Any, rows: int, dim: int) -> Any:
    """The same start by a function that may be called on any part of a table.

    The function itself where it is such a one, or cannot be read.
    """
    given = init_fn.func if isinstance(init_fn, partial) else init_fn
    if getattr(given, "__name__", "") not in _OF_SHAPE:
        return init_fn
    found, _ = initial_weights(init_fn, rows, dim)
    init = import_module(_HOME)
    match found:
        case Uniform(low, high):
            return partial(init.uniform_, a=low, b=high)
        case Normal(mean, std):
            return partial(init.normal_, mean=mean, std=std)
    return init_fn


def _uniform(rows: int, dim: int, a: float = 0.0, b: float = 1.0) -> Uniform:
    return Uniform(float(a), float(b))


def _normal(rows: int, dim: int, mean: float = 0.0, std: float = 1.0) -> InitialWeights:
    return Normal(float(mean), float(std)) if std else Uniform(float(mean), float(mean))


def _truncated(
    rows: int, dim: int, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0
) -> InitialWeights:
    return Normal(float(mean), float(std), float(a), float(b))


def _constant(rows: int, dim: int, val: float) -> Uniform:
    return Uniform(float(val), float(val))


def _xavier(rows: int, dim: int, gain: float = 1.0) -> float:
    """The standard deviation of Glorot and Bengio 2010; a table's fans are its rows and columns."""
    return gain * math.sqrt(2.0 / (rows + dim))


def _kaiming(
    rows: int,
    dim: int,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
) -> float:
    """The standard deviation of He et al. 2015."""
    gain = import_module(_HOME).calculate_gain(nonlinearity, a)
    return float(gain) / math.sqrt(dim if mode == "fan_in" else rows)


def _within(std: float) -> Uniform:
    """Uniform, of a standard deviation."""
    return Uniform(-math.sqrt(3.0) * std, math.sqrt(3.0) * std)


_OF_SHAPE = {
    "xavier_uniform_": lambda *shape, **given: _within(_xavier(*shape, **given)),
    "xavier_normal_": lambda *shape, **given: Normal(0.0, _xavier(*shape, **given)),
    "kaiming_uniform_": lambda *shape, **given: _within(_kaiming(*shape, **given)),
    "kaiming_normal_": lambda *shape, **given: Normal(0.0, _kaiming(*shape, **given)),
}
"""Functions whose values depend on the shape of the table, and on nothing else of it."""
_READ: dict[str, Any] = {
    "uniform_": _uniform,
    "normal_": _normal,
    "trunc_normal_": _truncated,
    "constant_": _constant,
    "zeros_": lambda rows, dim: Uniform(0.0, 0.0),
    "ones_": lambda rows, dim: Uniform(1.0, 1.0),
    **_OF_SHAPE,
}
