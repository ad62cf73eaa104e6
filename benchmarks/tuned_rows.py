"""Models that were tuned, as tuned.py keeps them in a file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from executed_rows import as_value, of_value
from side_by_side import SideBySide

from shardplan.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from executed_rows import StepRow


@dataclass(frozen=True, slots=True)
class TunedModel:
    """One model: how its tuning went, and the plans that were trained in turn afterwards."""

    seed: int
    """Of the models that are drawn."""
    budget_seconds: float
    tuning_seconds: float
    """By the clock, the plans of others made before not counted."""
    training_seconds: float
    """By the clock, of all plans in turn."""
    rounds: int
    runs: int
    plans: int
    """That were tried."""
    end: str
    is_certain: bool
    """Whether tuning held its order for certain."""
    rows: tuple[StepRow, ...]
    """The plan that was kept, and all of the first round that ran."""

    @property
    def side_by_side(self) -> SideBySide:
        """The plans."""
        return SideBySide(self.rows)

    @property
    def name(self) -> tuple[str, str]:
        """The engine and the model."""
        return self.rows[0].engine, self.rows[0].model

    @property
    def conditions(self) -> tuple[object, ...]:
        """Two measurements of a model under the same ones tell the same."""
        row = self.rows[0]
        return *self.name, row.machine, row.processes, self.seed, self.budget_seconds


def read_tuned(path: Path) -> list[TunedModel]:
    """The models of a file that tuned.py wrote; none where there is no such file."""
    if not path.exists():
        return []
    return [
        TunedModel(**value | {"rows": tuple(of_value(row) for row in value["rows"])})
        for value in json.loads(path.read_text(encoding="utf-8"))
    ]


def put_tuned(path: Path, model: TunedModel) -> None:
    """Into a file, whole or not at all, in place of what it has of the model; the others stay."""
    kept = [each for each in read_tuned(path) if each.name != model.name]
    write_atomically(path, as_json([*kept, model]))


def as_json(models: Iterable[TunedModel]) -> str:
    """All that is known, a plan to a line."""
    return "[\n" + ",\n".join(map(_told, models)) + "\n]\n"


def _told(model: TunedModel) -> str:
    value = asdict(model)
    del value["rows"]
    plans = ",\n  ".join(json.dumps(as_value(row)) for row in model.rows)
    return f'{json.dumps(value)[:-1]}, "rows": [\n  {plans}]}}'
