"""Tables that are planned wider than they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.advice.rule import Rule, Warned
from shardplan.explain.words.words import name_some
from shardplan.sharding.geometry import COLUMN_MULTIPLE
from shardplan.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.workload.workload import Workload

_HINT = "give the model this embedding_dim, and use the first columns"


class PaddedColumns(Rule):
    """Says by how much, and what it takes of a model."""

    def of_case(self, case: Case) -> Iterator[Warned]:
        """A line for each number of columns."""
        for sentence in _sentences(case.workload):
            yield Warned("padded_columns", ("tables",), sentence, _HINT)

    def of_plan(self, plan: Plan, case: Case) -> Iterator[str]:
        """The same."""
        for sentence in _sentences(case.workload):
            yield f"{sentence}: {_HINT}"


def _sentences(workload: Workload) -> Iterator[str]:
    named: dict[tuple[int, int], list[str]] = {}
    added: dict[tuple[int, int], int] = {}
    for table in workload.tables:
        if table.unpadded_dim is not None:
            widths = table.unpadded_dim, table.dim
            named.setdefault(widths, []).append(table.label)
            more = table.rows * (table.dim - table.unpadded_dim) * table.dtype.bytes
            added[widths] = added.get(widths, 0) + more
    for (used, dim), names in named.items():
        yield (
            f"{name_some(names)} {'is' if len(names) == 1 else 'are'} planned with {dim:,} columns "
            f"for {used:,}, {format_bytes(added[used, dim])} more of weights, as FBGEMM's kernels "
            f"take multiples of {COLUMN_MULTIPLE}"
        )
