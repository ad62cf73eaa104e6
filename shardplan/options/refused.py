"""Why a table has no legal way to be sharded: the rule that forbids each, and what to change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shardplan.options import limits
from shardplan.options.enumerate import cuts_of, is_repetition, kernels_for, ways_of
from shardplan.options.hot_rows import keeps_any
from shardplan.options.policy import Policy
from shardplan.sharding.geometry import COLUMN_MULTIPLE
from shardplan.sharding.kind import SHARDING_TYPES, Columns
from shardplan.sharding.rank_spans import rank_spans
from shardplan.sharding.world import Extent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from shardplan.options.constraint import Constraint
    from shardplan.options.offer import Offer
    from shardplan.sharding.kernel import Kernel
    from shardplan.sharding.kind import ShardingType
    from shardplan.sharding.world import World
    from shardplan.workload.table import Table
    from shardplan.workload.training import Training


_MOST_CUTS = 8
"""Numbers of column shards that are named."""


@dataclass(frozen=True, slots=True)
class Refused:
    """One table, and all that decides how it may be sharded."""

    table: Table
    constraints: tuple[Constraint, ...]
    """Those that speak of it, in the order of the spec."""
    world: World
    offer: Offer
    training: Training
    dynamic: frozenset[Kernel] | None = None
    """The kernels that a dynamic table may use; None of a plain one."""

    def reasons(self) -> tuple[str, ...]:
        """A sentence for each rule that forbids sharding types, and which."""
        found: dict[str, list[ShardingType]] = {}
        for kind in self._kinds:
            if not self._is_possible(kind, self.constraints):
                found.setdefault(self._rule(kind), []).append(kind)
        # What all types but the asked ones share comes last.
        ordered = sorted(found.items(), key=lambda rule: len(rule[1]))
        return tuple(rule.format(kinds=_listed(kinds)) for rule, kinds in ordered)

    def remedies(self) -> tuple[str, ...]:
        """What would help, of the constraints and of the training; one change each."""
        found = []
        for one in self.constraints:
            others = tuple(each for each in self.constraints if each is not one)
            kinds = [kind for kind in SHARDING_TYPES if self._is_possible(kind, others)]
            if kinds:
                name, there = self.table.label, _listed(kinds)
                found.append(f"without {one.named}, {name} could be {there}")
        if self.training.keeps_columns_whole:
            inexact = replace(self, training=replace(self.training, exact_updates=False))
            if could_be := inexact.possible():
                could = f"{self.table.label} could be {_listed(could_be)}"
                found.append(f"without training.exact_updates, {could}")
        kept = replace(self, training=replace(self.training, hot_rows=True))
        if more := [kind for kind in kept.possible() if kind not in self.possible()]:
            found.append(f"with training.hot_rows, {self.table.label} could be {_listed(more)}")
        return (*found, *self._more_rows())

    def _more_rows(self) -> Iterator[str]:
        """Rows enough for each rank, which a model may add."""
        for kind in SHARDING_TYPES:
            over = self.world.devices_of(kind.rows)
            if not limits.rows_fault(self.table, over):
                continue
            rows = limits.least_rows(self.table.rows, over)
            if kind in replace(self, table=replace(self.table, rows=rows)).possible():
                yield f"with {rows:,} rows, {self.table.label} could be {kind}"

    def possible(self) -> tuple[ShardingType, ...]:
        """The types that it may have."""
        every = self.constraints
        return tuple(kind for kind in SHARDING_TYPES if self._is_possible(kind, every))

    @property
    def has_way(self) -> bool:
        """Whether there is any type that it may have."""
        return any(self._is_possible(kind, self.constraints) for kind in SHARDING_TYPES)

    @property
    def _kinds(self) -> list[ShardingType]:
        """Those that the job can train, and others where a constraint names them."""
        named = {kind for each in self.constraints for kind in each.sharding or ()}
        pins_hot_rows = any(each.pins.hot_rows for each in self.constraints)
        return [
            kind
            for kind in SHARDING_TYPES
            if not limits.training_fault(kind, self.training)
            or kind in named
            or (kind.keeps_hot_rows and pins_hot_rows)
        ]

    def _is_possible(self, kind: ShardingType, constraints: Iterable[Constraint]) -> bool:
        policy = self._policy(constraints)
        table, world = self.table, self.world
        if limits.rows_fault(table, world.devices_of(kind.rows)):
            return False
        if kind.keeps_hot_rows and not keeps_any(table, policy, self.offer):
            return False
        kernels = kernels_for(table, policy, self.offer, self.training)
        alone = replace(policy, sharding=policy.sharding & {kind})
        return any(ways_of(table.dim, alone, kernels, world))

    def _policy(self, constraints: Iterable[Constraint]) -> Policy:
        policy = Policy.of(self.training, self.table, self.dynamic)
        for constraint in constraints:
            policy = policy.narrowed(constraint, self.world)
        return policy

    def _rule(self, kind: ShardingType) -> str:
        """The first rule that forbids a type, as a sentence with a place for all such types."""
        return next(self._rules(kind), "{kinds}: no rule is known that forbids it")

    def _rules(self, kind: ShardingType) -> Iterator[str]:
        if fault := limits.training_fault(kind, self.training):
            yield f"{{kinds}}: {fault}"
        if fault := limits.type_fault(kind, self.table):
            yield f"{{kinds}}: {fault}"
        if self.dynamic is not None and not kind.deals_rows_to_all:
            yield "{kinds}: the rows of a dynamic table are dealt to all devices"
        for constraint in self.constraints:
            if constraint.sharding is not None and kind not in constraint.sharding:
                allowed = _listed(constraint.sharding)
                yield f"{{kinds}}: {constraint.named} allows {allowed} alone"
            if fault := constraint.pins.kind_fault(kind):
                yield f"{{kinds}}: {constraint.named} {fault}"
        if kind.keeps_hot_rows:
            yield from self._rules_of_hot_rows(kind)
        if self.training.keeps_columns_whole and kind.cuts_columns:
            yield (
                "{kinds}: training.exact_updates keeps the columns of tables whole under "
                f"{self.training.optimizer}"
            )
        yield from self._rules_of_shape(kind)
        yield from self._rules_of_ranks(kind)
        if is_repetition(kind, self.world):
            place = "a single node" if kind.lands is Extent.NODE else "a single device"
            yield f"{{kinds}}: on {place} other types do the same, and it has to be asked for"
        yield from self._rules_of_kernels(kind)

    def _rules_of_hot_rows(self, kind: ShardingType) -> Iterator[str]:
        if not self.offer.hot_rows:
            yield "{kinds}: the cost model has no figures of hot rows"
        pinning = [each for each in self.constraints if each.pins.hot_rows]
        for constraint in pinning:
            if fault := limits.most_hot_rows_fault(constraint.pins.hot_rows or 0, self.table):
                yield f"{{kinds}}: {constraint.named} {fault}"
        if len({each.pins.hot_rows for each in pinning}) > 1:
            names = " and ".join(each.named for each in pinning)
            yield f"{{kinds}}: {names} pin other numbers of hot rows"
        if kind.keeps_copies_elsewhere and self.offer.copies_fault:
            yield f"{{kinds}}: {self.offer.copies_fault}, and it has to be asked for"

    def _rules_of_shape(self, kind: ShardingType) -> Iterator[str]:
        rows, dim, over = self.table.rows, self.table.dim, self.world.devices_of(kind.rows)
        if limits.rows_fault(self.table, over):
            block = -(-rows // over)
            empty = over - -(-rows // block)
            held = f"{rows:,} row{'s' if rows > 1 else ''}, {block:,} to a rank"
            left = f"{empty:,} rank{'s' if empty > 1 else ''} without a row ({held})"
            yield f"{{kinds}} over {over:,} ranks would leave {left}"
        for constraint in self.constraints:
            blocks = constraint.pins.column_blocks
            fault = limits.column_blocks_fault(dim, blocks, self.world.devices) if blocks else ""
            if fault and kind.cuts_columns:
                yield f"{{kinds}}: {constraint.named}: {fault}"
            elif blocks and kind.cuts_columns:
                yield from self._rules_of_blocks(constraint)
        cuts = cuts_of(dim, kind, self.world, asked=True, counted=True)
        if cuts and kind.cuts_columns:
            yield from self._rules_of_cuts(cuts)
        if cuts:
            return
        if kind.columns is Columns.WHOLE:
            yield f"{{kinds}}: {limits.column_width_fault(dim, self.world.devices)}"
        elif dealt_over := kind.dealt_over(self.world):
            yield (
                f"{{kinds}}: {dim:,} columns cannot be dealt to {dealt_over} ranks in shards that "
                f"the kernels take (a multiple of {COLUMN_MULTIPLE} wide)"
            )
        else:
            yield (
                f"{{kinds}}: {dim:,} columns cannot be cut into equal shards that the kernels take "
                f"(a multiple of {COLUMN_MULTIPLE} wide)"
            )

    def _rules_of_blocks(self, pinning: Constraint) -> Iterator[str]:
        """Other pins that widths of column shards do not go with."""
        blocks = pinning.pins.column_blocks
        for other in self.constraints:
            if fault := other.pins.cut_fault(min(blocks), len(blocks)):
                cut = f"{pinning.named} cuts columns into {' + '.join(map(str, blocks))}"
                yield f"{{kinds}}: {cut}; {other.named} {fault}"

    def _rules_of_cuts(self, cuts: Sequence[int]) -> Iterator[str]:
        """Pins that together leave none of some legal numbers of column shards."""
        dim = self.table.dim
        pins = [each for each in self.constraints if each.pins]
        for constraint in pins:
            faults = [constraint.pins.cut_fault(dim // cut, cut) for cut in cuts]
            if all(faults):
                asked = constraint.pins.column_shards
                if asked is not None and asked in cuts:  # Of that many, which is what they are not.
                    fault = constraint.pins.cut_fault(dim // asked, asked)
                    yield (
                        f"{{kinds}}: {constraint.named} cuts columns into {asked:,} shards of "
                        f"{dim // asked:,}, and {fault}"
                    )
                    continue
                legal = ", ".join(map(str, cuts[:_MOST_CUTS]))
                more = ", ..." if len(cuts) > _MOST_CUTS else ""
                yield (
                    f"{{kinds}}: {constraint.named} {faults[0]}; {dim:,} columns can be cut into "
                    f"{legal}{more}"
                )
        left = [c for c in cuts if not any(e.pins.cut_fault(dim // c, c) for e in pins)]
        if not left:
            names = " and ".join(each.named for each in pins)
            yield f"{{kinds}}: {names} together leave no number of column shards"
        for constraint in self.constraints:
            if constraint.column_shards is not None and constraint.column_shards not in left:
                yield (
                    f"{{kinds}}: all column shards of a module that does not pool are as wide, and "
                    f"other tables of it are cut into {constraint.column_shards:,}"
                )

    def _rules_of_ranks(self, kind: ShardingType) -> Iterator[str]:
        taken = {
            Extent.DEVICE: "{kinds} takes a rank",
            Extent.NODE: f"{{kinds}} takes all {self.world.devices_per_node:,} ranks of a node",
            Extent.WORLD: f"{{kinds}} takes all {self.world.size:,} ranks",
        }[kind.held_by]
        world = self.world
        limiting = [each for each in self.constraints if each.open_ranks(world) is not None]
        for constraint in limiting:
            alone = self._policy([constraint])
            if not alone.reaches(kind.held_by, self.world):
                spans = rank_spans(constraint.open_ranks(world) or ()) or "none"
                yield f"{taken}; {constraint.named} allows {spans}"
        together = self._policy(limiting)
        if not together.reaches(kind.held_by, self.world):
            left = rank_spans(sorted(together.ranks or ())) or "none"
            names = " and ".join(each.named for each in limiting)
            yield f"{taken}; {names} together allow {left}"
        for constraint in self.constraints:
            is_apart = constraint.apart and len(constraint.tables) > 1
            if is_apart and kind.held_by is Extent.WORLD:
                yield f"{taken}; {constraint.named} keeps tables apart, which then have none"

    def _rules_of_kernels(self, kind: ShardingType) -> Iterator[str]:
        for constraint in self.constraints:
            if constraint.kernels is not None and not any(k.runs(kind) for k in constraint.kernels):
                allowed = _listed(constraint.kernels)
                only = "dense alone" if kind.is_replicated else "no dense kernel"
                only = "fused alone" if kind.keeps_hot_rows else only
                yield f"{{kinds}} runs {only}; {constraint.named} allows {allowed}"
        runs = [kernel for kernel in self.offer.kernels if kernel.runs(kind)]
        for constraint in self.constraints:
            faults = [constraint.pins.kernel_fault(kernel) for kernel in runs]
            if faults and all(faults):
                yield f"{{kinds}}: {constraint.named} {faults[0]}"
        policy = self._policy(self.constraints)
        if len(policy.load_factors) > 1:
            names = " and ".join(c.named for c in self.constraints if c.pins.load_factor)
            yield f"{{kinds}}: {names} pin caches of different sizes"
        if self.dynamic is not None and not self.dynamic:
            yield "{kinds}: its budget of HBM leaves it another mode than the one that is asked for"
        elif policy.kernels is not None and not policy.kernels:
            names = " and ".join(c.named for c in self.constraints if c.kernels is not None)
            yield f"{{kinds}}: {names} together allow no kernel"
        is_dynamic = self.dynamic is not None
        missing = {k: why for k, why in self.offer.missing if k.is_dynamic == is_dynamic}
        if policy.kernels and not any(map(policy.allows_kernel, policy.kernels)):
            names = " and ".join(c.named for c in self.constraints if c.kernels or c.pins)
            yield f"{{kinds}}: {names} together leave no kernel"
        named = policy.kernels or frozenset()
        for kernel in sorted(named, key=str):
            yield from self._rules_of_kernel(kind, kernel, missing)
        why = "; ".join(f"{kernel}: {reason}" for kernel, reason in missing.items())
        yield "{kinds}: no kernel that could hold it is offered" + (f" ({why})" if why else "")

    def _rules_of_kernel(
        self, kind: ShardingType, kernel: Kernel, missing: dict[Kernel, str]
    ) -> Iterator[str]:
        if kernel.is_dynamic != (self.dynamic is not None):
            kept = "dynamic" if kernel.is_dynamic else "plain"
            yield f"{{kinds}}: kernel {kernel} is of {kept} tables alone"
        elif kernel in missing:
            yield f"{{kinds}}: kernel {kernel} is not there: {missing[kernel]}"
        elif fault := limits.ssd_fault(kernel, self.table.dtype, self.training.optimizer):
            yield f"{{kinds}}: {fault}"
        elif kernel.is_on_ssd and limits.may_share(kind, 2, self.world):
            yield f"{{kinds}}: {limits.sharing_fault(kernel, 2, 1)}, and shards might meet"


def refused_tables(
    tables: Sequence[tuple[int, Table]],
    constraints: Sequence[Constraint],
    world: World,
    offer: Offer,
    training: Training,
    dynamic: Mapping[int, frozenset[Kernel]],
) -> tuple[Refused, ...]:
    """Some tables, by their positions in the workload, with what decides about each.

    ``dynamic`` has the kernels of those that are dynamic.
    """
    return tuple(
        Refused(
            table,
            tuple(each for each in constraints if index in each.tables),
            world,
            offer,
            training,
            dynamic.get(index),
        )
        for index, table in tables
    )


def _listed(names: Iterable[object]) -> str:
    """``a``, ``a or b``, ``a, b or c``."""
    *others, last = map(str, names)
    return f"{', '.join(others)} or {last}" if others else last
