"""What tables are called where they are spoken of."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def qualified(module: str, name: str) -> str:
    """A table's name with its module's before it."""
    return f"{module}/{name}"


def spoken(module: str) -> str:
    """What a module is called in a sentence, by its path in the model."""
    return module or "the model itself"


def labels(keys: Sequence[tuple[str, str]]) -> list[str]:
    """Of tables by module and name: the name alone where it is the only such, else with both."""
    count = Counter(name for _, name in keys)
    return [name if count[name] == 1 else qualified(module, name) for module, name in keys]
