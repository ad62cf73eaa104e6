"""Which tables may be merged with each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from shardplan.workload.collection import Collection, CollectionKind

if TYPE_CHECKING:
    from shardplan.workload.dtype import Dtype
    from shardplan.workload.serving.served_table import ServedTable
    from shardplan.workload.serving.side import Side
    from shardplan.workload.serving.stored_format import StoredFormat
    from shardplan.workload.table import Table


class Kin(NamedTuple):
    """What tables must have in common to be merged."""

    module: str
    collection: Collection
    side: Side
    dtype: Dtype
    forms: frozenset[StoredFormat]
    """In which the rows of all of them may be stored side by side."""


def kin_of(served: ServedTable) -> Kin | None:
    """Tables of the same kin may be merged; None of one that may not be at all.

    Every sample has to read exactly one row: of several ids that are pooled there would have to be
    as many products. And each number has to be stored for itself: of rows with a scale and a bias
    two would have to share them, and nobody says what that loses.
    """
    table = served.table
    forms = frozenset(form for form in served.losses if not form.scale_bytes)
    if not forms or not _reads_one_row(table) or not _is_plain(table):
        return None
    return Kin(table.module, table.collection, served.side, table.dtype, forms)


def _reads_one_row(table: Table) -> bool:
    """Whether it has one feature, of one id in the mean and one at most."""
    return table.poolings == (1.0,) and table.cap == 1 and not table.has_own_batches


def _is_plain(table: Table) -> bool:
    """Whether ids are rows, of which nothing is made before or after the lookup."""
    is_bag = table.collection.kind is CollectionKind.BAG
    return is_bag and table.padding is None and table.dynamic is None and not table.weighted
