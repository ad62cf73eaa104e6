"""Changes that break files: of their values, and of their text."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 3, 4, 2**31, 2**63, 10**30, 0.5, -0.0, 1e308, 1e-320, "", " ", "x",
    "fp16", "1GiB", "0B", "-5us", "80", "1e9GB/s", "row_wise", "rank:0/cuda:0", "rank:9/cuda:9",
    "*", "[", "a.b", "\u202e", "\x1b[31m", "né" * 50, [], [[]], [0], [0, 0], [-1, 2**63], {},
    {"name": "x"}, {"zipf": 1.05}, {"zipf": 0}, {"cdf": [[1, 1]]}, {"value": "1GB/s"},
)  # fmt: skip
"""Values put where others belong."""

_SNIPPETS = (
    "{", "}", "[", "]", ",", ":", "- ", "\n", "\t", "#", "&a ", "*a", "!!x ", "'", '"', "|", "\\",
    "\x00", "\ufeff", "999999999999999999999", "1e999", "NaN", "null", "~", "---\n",
)  # fmt: skip


def mutated(value: Any, rng: random.Random, changes: int = 0) -> Any:
    """A copy of plain values with one to three changes at random places.

    Half of the changes keep the type, so that they get past the first checks.
    """
    found = copy.deepcopy(value)
    for _ in range(changes or rng.choice((1, 1, 2, 3))):
        found = _bent(found, rng) if rng.random() < 0.5 else _broken(found, rng)
    return found


def _bent(root: Any, rng: random.Random) -> Any:
    """Another value of the same type: scaled, or taken from another place of the same document."""
    holder, key = _leaf(root, rng)
    if holder is None:
        return root
    here = holder[key]
    if isinstance(here, list | dict):
        holder[key] = here[:-1] if isinstance(here, list) else here
    elif isinstance(here, bool) or rng.random() < 0.5:
        others = (_leaf(root, rng) for _ in range(30))
        alike = [h[k] for h, k in others if h is not None and type(h[k]) is type(here)]
        holder[key] = copy.deepcopy(rng.choice(alike)) if alike else here
    elif isinstance(here, int | float):
        holder[key] = type(here)(here * rng.choice((0.5, 2, 4, 1000)) + rng.choice((0, 1)))
    elif isinstance(holder, list):
        holder.insert(key, here)
    return root


def _leaf(value: Any, rng: random.Random) -> tuple[Any, Any]:
    """A container and a key of it where something plain, or an empty container, stands."""
    holder, key = None, None
    while isinstance(value, dict | list) and value:
        holder = value
        key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
        value = value[key]
    return holder, key


def _broken(root: Any, rng: random.Random) -> Any:
    """A key lost, misnamed or doubled, or a value that does not belong there."""
    holder, key = _place(root, rng)
    if holder is None:
        return rng.choice(ODD)
    kind = rng.randrange(6)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[f"{key}_"] = holder.pop(key)
    elif kind == 2 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    elif kind == 3 and isinstance(holder[key], int | float):
        holder[key] = -holder[key]
    else:
        holder[key] = copy.deepcopy(rng.choice(ODD))
    return root


def _place(value: Any, rng: random.Random) -> tuple[Any, Any]:
    """A container and a key of it, deep places as likely as shallow ones."""
    holder, key = None, None
    while isinstance(value, dict | list) and value:
        holder = value
        key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
        value = value[key]
        if rng.random() < 0.25:
            break
    return holder, key


def scrambled(text: str, rng: random.Random) -> str:
    """Text with a few characters taken out, put in, doubled, or cut off at the end."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(text) + 1)
        kind = rng.randrange(5)
        if kind == 0:
            text = text[:at] + text[at + rng.randrange(1, 9) :]
        elif kind == 1:
            text = text[:at] + rng.choice(_SNIPPETS) + text[at:]
        elif kind == 2:
            lines = text.split("\n")
            row = rng.randrange(len(lines))
            lines.insert(row, lines[rng.randrange(len(lines))])
            text = "\n".join(lines)
        elif kind == 3 and rng.random() < 0.2:
            text = text[:at]
        else:
            text = (
                text[:at]
                + chr(rng.choice((0, 9, 32, 45, 48, 57, 123, 8206, 65533)))
                + text[at + 1 :]
            )
    return text
