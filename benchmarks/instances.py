"""The problems of the benchmarks: tables, a cluster, and a ruler to measure plans with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drawn_families import DRAWN, drawn_specs
from known_families import KNOWN, generated_spec
from problem_specs import Ruler, read_yaml
from table_sets import DATA

from shardplan.build_case import case_of_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case

FAMILIES = (*KNOWN, *DRAWN)
"""Of known problems, and of problems drawn from a seed."""
_WITHOUT_DATA = ("generated", "few-kinds", "few-large", "drawn-generated")


@dataclass(frozen=True, slots=True)
class Instance:
    """One problem under one ruler; ``spec`` holds plain values, as a spec file would."""

    family: str
    name: str
    ruler: Ruler
    spec: dict[str, Any]

    def case(self) -> Case:
        """Everything that planning needs."""
        return case_of_value(self.spec, self.name)


def generated_instance(tables: int, devices: int, ruler: Ruler, seed: int = 0) -> Instance:
    """The generator's problem of a size; the devices come in nodes of 8."""
    name = f"{tables}x{devices}" + (f"-{seed}" if seed else "")
    return _instance("generated", name, ruler, generated_spec(tables, devices, ruler, seed))


def instances(family: str, ruler: Ruler, seed: int = 0) -> Iterator[Instance]:
    """The problems of a family; of known ones the smallest first, drawn ones from the seed."""
    specs = KNOWN[family](ruler) if family in KNOWN else drawn_specs(family, ruler, seed)
    for name, spec in specs:
        yield _instance(family, name, ruler, spec)


def available_families() -> list[str]:
    """The families whose data is there."""
    return [name for name in FAMILIES if DATA.is_dir() or name in _WITHOUT_DATA]


def _instance(family: str, name: str, ruler: Ruler, spec: dict[str, Any]) -> Instance:
    cost_model = read_yaml("ruler.yaml") if ruler is Ruler.BALANCE else "h100"
    more = {"name": name, "objective": ruler.value, "cost_model": cost_model}
    return Instance(family, name, ruler, spec | more)
