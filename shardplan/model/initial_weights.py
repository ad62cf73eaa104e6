"""How the weights of a model's table begin, as far as its ``init_fn`` can be read."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

_CONSTANTS = {"zeros_": 0.0, "ones_": 1.0}


def initial_weights(init_fn: Any, rows: int) -> tuple[tuple[float, float] | None, str]:
    """(bounds of uniform weights, name of the function), of which at most one says something.

    Read are the functions of ``torch.nn.init`` that give every weight its value by itself:
    uniform ones, and constants, whose bounds are one number. No bounds and no name is TorchRec's
    own start, which a config without ``init_fn`` is given: uniform within ``1 / sqrt(rows)``.
    Any other function is named alone: what it gives depends on the shape of what it is given or
    on random numbers.
    """
    is_partial = isinstance(init_fn, partial)
    given = init_fn.func if is_partial else init_fn
    values = init_fn.keywords if is_partial else {}
    name = str(getattr(given, "__name__", type(given).__name__))
    is_torch = getattr(given, "__module__", "") == "torch.nn.init"
    if not is_torch or (is_partial and init_fn.args):
        return None, name
    if name == "uniform_" and values.keys() <= {"a", "b"}:
        low, high = float(values.get("a", 0.0)), float(values.get("b", 1.0))
        usual = math.sqrt(1 / rows)
        return (None if (low, high) == (-usual, usual) else (low, high)), ""
    if name in _CONSTANTS and not values:
        return (_CONSTANTS[name], _CONSTANTS[name]), ""
    if name == "constant_" and values.keys() == {"val"}:
        return (float(values["val"]), float(values["val"])), ""
    return None, name
