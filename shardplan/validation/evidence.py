"""How the figures are known that decide phases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.cost.framework.framework_file import FrameworkFile
from shardplan.cost.select import profile_file
from shardplan.spec.fields.figure import Provenance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.cost.phase import Phase


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of the figures that decide phases, how many are known in which way."""

    measured: int
    published: int
    datasheet: int
    estimated: int
    """Those that say nothing of it, too."""

    @property
    def word(self) -> str:
        """``measured``, ``known``, ``partly estimated`` or ``estimated``."""
        sure = self.measured + self.published + self.datasheet
        if self.estimated:
            return "partly estimated" if sure else "estimated"
        return "known" if self.published or self.datasheet else "measured"


class Figures:
    """The figures of a case's cost model and topology, by what they are of."""

    def __init__(self, case: Case, *, uses_host_memory: bool) -> None:
        """``uses_host_memory``: whether a table lies in DDR or on SSD."""
        self._of_key: dict[str, list[Provenance]] = {}
        if case.pricing.value.get("kind", "analytic") != "analytic":
            return
        for key, provenance in _figures(case, uses_host_memory):
            self._of_key.setdefault(key, []).append(provenance or Provenance.ESTIMATED)

    def evidence(self, *phases: Phase) -> Evidence | None:
        """Of phases together; None where the cost model tells nothing of their figures."""
        keys = (key for phase in phases for key in (*phase.rests_on, phase.name))
        found = [
            provenance for key in dict.fromkeys(keys) for provenance in self._of_key.get(key, ())
        ]
        if not found:
            return None
        return Evidence(*(found.count(provenance) for provenance in Provenance))


def _figures(case: Case, uses_host_memory: bool) -> Iterator[tuple[str, Provenance | None]]:
    """Key and provenance of each figure that the plan's machine and places bring into play."""
    layout = case.topology.layout
    crosses = layout.nodes > layout.domain_nodes
    stays = layout.domain_devices == 1
    for path, figure in profile_file().model_validate(case.pricing.value).figures():
        key = str(path[0])
        is_idle = (key == "scale_out" and not crosses) or (key == "scale_up" and stays)
        if not is_idle and (uses_host_memory or "ddr" not in path):
            yield key, figure.provenance
    for path, figure in case.machine.file.figures():
        if path[0] == "nics" and crosses:
            yield "scale_out", figure.provenance
        elif path[0] == "ingest":
            yield "ingest", figure.provenance
    if case.pricing.framework is not None:
        for path, figure in FrameworkFile.model_validate(case.pricing.framework).figures():
            yield str(path[0]), figure.provenance
