"""Sharding types with which TorchRec 1.8 gives other outputs than unsharded."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Self

from shardplan.diagnostics import Diagnostic
from shardplan.explain.words import words
from shardplan.sharding.kind import SHARDING_TYPES, ShardingType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.torchrec.job.sharded_module import ShardedModule

_CUT_BY_ROWS = frozenset(
    each.name for each in SHARDING_TYPES if each.cuts_rows and each.is_torchrecs
)
_DIVIDED_ONCE = frozenset({ShardingType.ROW_WISE.name, ShardingType.TABLE_ROW_WISE.name})
"""Those that ``_pooling_type_to_rs_features`` of TorchRec's sharded bags knows."""


class Means(Enum):
    """How tables of modules that average may be cut.

    Where one that averages is cut by rows, TorchRec 1.8 divides sums at the end, and with them the
    outputs of all tables of the module that are not cut so (``_apply_mean_pooling``).
    """

    WHOLE = "none by rows"
    CUT = "all by rows"
    ANY = "in any way, whatever becomes of them"


@dataclass(slots=True)
class WrongTypes:
    """Those of a module, and which of its tables lose or keep them."""

    module: str
    """Its path."""
    names: frozenset[str]
    cause: str = ""
    """What of the module makes TorchRec err."""
    effect: str = ""
    """What it does then."""
    left_out: dict[str, None] = field(default_factory=dict)
    """Types that a table would have had."""
    kept: dict[str, dict[str, None]] = field(default_factory=dict)
    """By table, types that are all it may have."""
    is_asked: bool = False
    """Whether a constraint asks for one that is left out."""

    @classmethod
    def of(cls, module: ShardedModule, compute_device: str, means: Means) -> Self:
        """Of any module, whose means are cut like this."""
        path, collection = module.found.path, module.found.collection
        if collection is not None and not collection.is_pooled and compute_device == "cpu":
            only = frozenset({ShardingType.DATA_PARALLEL.name})
            return cls(
                path, only, "its rows are not pooled", "TorchRec 1.8 pools them by its dense kernel"
            )
        if not module.averages or means is Means.ANY:
            return cls(path, frozenset())
        averaging = [table.name for table in module.tables if table.pooling == "mean"]
        cause = f"{words.name_some(averaging)} {'averages' if len(averaging) == 1 else 'average'}"
        effect = "TorchRec 1.8 divides the means of tables beside those cut by rows twice"
        every = frozenset(each.name for each in SHARDING_TYPES)
        names = _CUT_BY_ROWS if means is Means.WHOLE else every - _DIVIDED_ONCE
        return cls(path, names, cause, effect)

    def without(self, types: Sequence[str], table: str, *, is_asked: bool) -> list[str]:
        """The types that are right; all, where none is. Keeps in mind what became of them."""
        right = [each for each in types if each not in self.names]
        if right:
            self.left_out |= dict.fromkeys(each for each in types if each in self.names)
            self.is_asked |= is_asked and len(right) < len(types)
            return right
        if types:
            self.kept[table] = dict.fromkeys(types)
        return list(types)

    def told(self) -> Iterator[Diagnostic]:
        """A note of what is left out, a warning where it was asked for or had to be kept."""
        where = self.module or "the model itself"
        if self.left_out:
            message = (
                f"{self.cause}: {', '.join(self.left_out)} "
                f"{'is' if len(self.left_out) == 1 else 'are'} not used for the tables of {where}: "
                f"{self.effect}"
            )
            yield self._diagnostic(where, message, "warning" if self.is_asked else "note")
        if self.kept:
            left = dict.fromkeys(kind for types in self.kept.values() for kind in types)
            message = (
                f"{self.cause}, and nothing but {', '.join(left)} is left to "
                f"{words.name_some(list(self.kept))}: with this plan {self.effect}"
            )
            yield self._diagnostic(where, message, "warning")

    def _diagnostic(self, where: str, message: str, severity: str) -> Diagnostic:
        return Diagnostic("planner", 0, 0, where, message, code="torchrec", severity=severity)
