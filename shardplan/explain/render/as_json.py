"""The numbers of an explanation -> JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from shardplan.plan.file.reviewable_json import reviewable

if TYPE_CHECKING:
    from dataclasses import Field


class Numbers(Protocol):
    """Any dataclass of numbers and words."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


def render_json(numbers: Numbers) -> str:
    """Every number in SI units, which the keys name; a line for each phase, device and table.

    What is no finite number, such as a ratio to next to nothing, is null.
    """
    return reviewable(json.loads(json.dumps(asdict(numbers)), parse_constant=_no_number))


def _no_number(_: str) -> None:
    """JSON has neither infinities nor NaN."""
