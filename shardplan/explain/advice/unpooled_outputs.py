"""What collections without pooling send: an output for each id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.explain.advice.rule import Rule
from shardplan.units import format_bytes
from shardplan.workload.labels import spoken
from shardplan.workload.row_reads import row_distributions, unique_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.workload.table import Table


class UnpooledOutputs(Rule):
    """Says how many there are, and how large they are together."""

    def of_plan(self, plan: Plan, case: Case) -> Iterator[str]:
        """Of each collection without pooling."""
        modules: dict[str, list[Table]] = {}
        for table in case.workload.tables:
            if not table.collection.is_pooled:
                modules.setdefault(table.module, []).append(table)
        samples = case.workload.global_batch / case.topology.world_size
        for module, tables in modules.items():
            yield _sentence(module, tables, samples)


def _sentence(module: str, tables: Sequence[Table], samples: float) -> str:
    ids = [samples * table.ids_per_sample for table in tables]
    row_bytes = [table.dim * table.collection.output_dtype.bytes for table in tables]
    made = sum(count * size for count, size in zip(ids, row_bytes, strict=True))
    most = sum(samples * table.cap * size for table, size in zip(tables, row_bytes, strict=True))
    found = (
        f"{spoken(module)} does not pool: a device gets an output for each of its "
        f"{sum(ids):,.0f} ids of a step, {format_bytes(made)}"
    )
    if most > made:
        found += f" ({format_bytes(most)} at the caps, for which there is memory)"
    if tables[0].collection.dedup:
        distributions = row_distributions(tables)
        distinct = sum(
            float(unique_rows([rows], np.array([count]))[0])
            for rows, count in zip(distributions, ids, strict=True)
        )
        found += f"; made distinct, {distinct:,.0f} of the ids and their rows travel"
    return found
