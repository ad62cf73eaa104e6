"""What a plan file claims of which inputs, without reading all of its tables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from shardplan.errors import InputError
from shardplan.plan.file.optimality import Optimality
from shardplan.plan.file.provenance import Inputs
from shardplan.plan.file.read import read_plan

if TYPE_CHECKING:
    from typing import Self

_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Claim:
    """How good a plan is, and of what."""

    inputs: Inputs
    optimality: Optimality

    @classmethod
    def in_file(cls, path: str | Path) -> Self | None:
        """That of a plan file; None where it cannot be read, or holds no plan.

        A file as ``write`` makes it has a key to a line, so that its end and these two parts are
        all that is looked at; one that somebody else wrote is read as any plan is.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
            if text.endswith("\n}\n"):
                inputs, optimality = (_member(text, name) for name in ("inputs", "optimality"))
                return cls(Inputs.of_plain(inputs), Optimality.of_plain(optimality))
        except (OSError, UnicodeDecodeError):
            return None
        except (ValueError, ValidationError):
            pass  # It is laid out otherwise, or no plan.
        try:
            plan = read_plan(path)
        except InputError:
            return None
        return cls(plan.inputs, plan.optimality)


def _member(text: str, name: str) -> Any:
    """The value of a key of the outermost object; raises ValueError unless it is written once."""
    begin = f'\n  "{name}": '
    if text.count(begin) != 1:
        raise ValueError(f"{name} is not written once")
    return _DECODER.raw_decode(text, text.index(begin) + len(begin))[0]
