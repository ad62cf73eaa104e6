"""A plan's tables as the model that they are trained in has them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.executor.planned.plan_view import PlanView
    from shardplan.executor.planned.planned_table import PlannedTable
    from shardplan.model.sparse_module import SparseModule


def in_model(view: PlanView, module: SparseModule) -> tuple[PlannedTable, ...]:
    """The tables of a module in the model's order, with what the model alone says of them.

    Outputs come in the order of the model's tables and their features, wherever a spec lists them.
    """
    planned = {table.name: table for table in view.tables_of(module.path)}
    return tuple(
        replace(
            planned[table.name],
            features=table.features,
            is_mean=table.pooling == "mean",
            poolings=tuple(map(planned[table.name].pooling_of, table.features)),
            initial=table.initial,
        )
        for table in module.tables
    )
