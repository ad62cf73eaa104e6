"""Whether the parts of a spec fit together: names, patterns, demands that exclude each other."""

from __future__ import annotations

from dataclasses import replace
from operator import lt
from typing import TYPE_CHECKING

from shardplan.spec.batches.own_batches import check_num_poolings, check_own_batches
from shardplan.spec.demands.left_nothing import left_nothing
from shardplan.spec.demands.outputs import check_outputs
from shardplan.spec.dynamic_checks import check_dynamic
from shardplan.spec.matching import TableNames
from shardplan.spec.pipeline_checks import check_pipeline
from shardplan.spec.sequence_checks import check_sequences
from shardplan.spec.serving.build_serving import serving_faults
from shardplan.spec.sizing.check_size import check_size
from shardplan.spec.tables.table_spec import MOST_COLUMNS
from shardplan.spec.validation.listing import MOST_NAMED, listed
from shardplan.spec.validation.validation import sort_diagnostics
from shardplan.spec.validation.wording import did_you_mean, show
from shardplan.workload.collection import POOLED
from shardplan.workload.labels import labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shardplan.diagnostics import Diagnostic
    from shardplan.spec.loaded import LoadedSpec
    from shardplan.spec.text.place import Path
    from shardplan.workload.collection import Collection

_MOST_COMPARED = 5_000_000
"""Pairs of a glob and a table's name: a minute's work, and each table in fifty of them."""
_MOST_OFFERED = 3
"""Of the tables that a name may stand for, those that a hint writes out."""
_NO_ECHOES = frozenset({"ambiguous", "duplicate", "unknown_name", "contradiction"})
"""Codes of what is wrong also once the other faults are mended."""


def check(loaded: LoadedSpec) -> LoadedSpec:
    """The same, with its constraints matched to tables and everything that does not fit."""
    faults = listed(_check_tables(loaded))
    matches, unmatched = _match(loaded)
    faults += listed(unmatched)
    faults += listed(check_own_batches(loaded))
    faults += listed(_check_allowed(loaded, matches))
    faults += listed(_check_apart(loaded, matches))
    faults += listed(check_outputs(loaded, matches))
    faults += listed(check_size(loaded))
    faults += listed(serving_faults(loaded))
    if loaded.faults:
        faults = [fault for fault in faults if fault.code in _NO_ECHOES]
    every = tuple(sort_diagnostics([*loaded.faults, *faults]))
    return replace(loaded, matches=tuple(matches), faults=every)


def _match(loaded: LoadedSpec) -> tuple[list[tuple[int, ...]], list[Diagnostic]]:
    """Per constraint the positions of its tables, rising; and what matches nothing, or too much."""
    names = TableNames(loaded.spec.table_keys)
    matches: list[tuple[int, ...]] = []
    unmatched: list[Diagnostic] = []
    for index, constraint in enumerate(loaded.spec.constraints):
        found: set[int] = set()
        for position, pattern in enumerate(constraint.tables):
            if names.compared > _MOST_COMPARED:
                unmatched.append(_too_many(loaded, index))
                rest = len(loaded.spec.constraints) - index
                return matches + [()] * rest, unmatched
            if namesakes := names.namesakes(pattern):
                unmatched.append(_ambiguous(loaded, (index, position), pattern, namesakes))
                continue
            matched = names.match(pattern)
            found.update(matched)
            if not matched:
                # A hint compares the pattern with all names, so the rest of a long list has none.
                known = names if len(unmatched) < MOST_NAMED else ()
                unmatched.append(_no_match(loaded, known, (index, position), pattern))
        matches.append(tuple(sorted(found)))
    return matches, unmatched


def _too_many(loaded: LoadedSpec, constraint: int) -> Diagnostic:
    message = f"constraints are compared with more than {_MOST_COMPARED:,} tables in all"
    hint = "say in defaults what holds for all, and begin globs with what only some are called"
    return loaded.document.diagnostic(("constraints", constraint), message, hint, "too_many")


def _check_tables(loaded: LoadedSpec) -> Iterator[Diagnostic]:
    spec = loaded.spec
    if not spec.tables:
        hint = "add tables, or a tables_file"
        yield loaded.document.diagnostic((), "has no tables", hint, "missing")
    first: dict[tuple[str, str], int] = {}
    modules: dict[str, int] = {}
    weighted = [
        bool(t.weighted or (t.weighted is None and spec.defaults.weighted)) for t in spec.tables
    ]
    for index, (table, key) in enumerate(zip(spec.tables, spec.table_keys, strict=True)):
        module, name = key
        if first.setdefault(key, index) != index:
            message = f"another table is called {show(name)} (number {first[key] + 1})"
            hint = "names are unique within a module"
            yield loaded.at_table(index, "name", message, hint, "duplicate")
        other = modules.setdefault(module, index)
        if weighted[index] != weighted[other]:
            are = "has" if weighted[other] else "has no"
            message = (
                f"table {show(spec.tables[other].name)} of the same module {are} weights of ids"
            )
            hint = "a collection is weighted as a whole: write the same for all of its tables"
            yield loaded.at_table(index, "weighted", message, hint)
        if table.dim is None and spec.defaults.dim is None:
            yield loaded.at_table(
                index, "dim", "is missing", "add it here or to defaults", "missing"
            )
        if table.pooling is None and isinstance(spec.defaults.pooling, tuple):
            expected, given = len(table.features or "1"), len(spec.defaults.pooling)
            if expected != given:
                message = f"has {expected} features, defaults.pooling has {given} numbers"
                yield loaded.at_table(index, "features", message)
    yield from _check_caps(loaded)
    yield from check_sequences(loaded)
    yield from check_num_poolings(loaded)
    yield from _unknown_modules(loaded, modules)
    yield from _nested(loaded, modules)
    yield from check_dynamic(loaded)
    yield from check_pipeline(loaded)


def _check_caps(loaded: LoadedSpec) -> Iterator[Diagnostic]:
    """No sample has more ids on average than it may have, and padding is a row."""
    defaults = loaded.spec.defaults
    for index, table in enumerate(loaded.spec.tables):
        count = len(table.features or "1")
        cap = defaults.cap if table.cap is None else table.cap
        most = _each_feature(cap, count)
        mean = _each_feature(defaults.pooling if table.pooling is None else table.pooling, count)
        if cap is not None and len(most) == len(mean) and any(map(lt, most, mean)):
            key = "cap" if table.cap is not None else "pooling"
            message = "no sample can have so many ids on average: its cap is less than its pooling"
            hint = "cap is the most ids of a sample, pooling their mean"
            yield loaded.at_table(index, key, message, hint, "range")
        elif table.cap is None and len(most) != (count if cap is not None else 0):
            message = f"has {count} features, defaults.cap has {len(most)} numbers"
            yield loaded.at_table(index, "features", message)
        padding = defaults.padding
        if table.padding is None and padding is not None and padding.id >= table.rows:
            message = f"defaults.padding.id is no row of a table of {table.rows:,} rows"
            yield loaded.at_table(index, "rows", message, "give it a padding of its own", "range")


def _each_feature(numbers: float | tuple[float, ...] | None, count: int) -> tuple[float, ...]:
    if numbers is None:
        return ()
    return numbers if isinstance(numbers, tuple) else (numbers,) * count


def _unknown_modules(loaded: LoadedSpec, modules: dict[str, int]) -> Iterator[Diagnostic]:
    """What is said of modules that no table sits in."""
    for module in loaded.spec.modules or ():
        if module not in modules and "tables" not in loaded.unread:
            path, hint = ("modules", module), did_you_mean(module, modules)
            yield loaded.document.diagnostic(path, "no table is in it", hint, "unknown_name")


def _nested(loaded: LoadedSpec, modules: dict[str, int]) -> Iterator[Diagnostic]:
    """Modules inside others: TorchRec shards the outer one, and the inner is out of reach."""
    for module, index in modules.items():
        outer = next((m for m in _around(module) if m in modules), None)
        if outer is not None:
            message = f"{show(module)} lies inside {show(outer)}, where other tables are"
            hint = "a collection of tables cannot hold another one"
            yield loaded.at_table(index, "module", message, hint, "nested")


def _around(module: str) -> Iterator[str]:
    """The modules that ``a.b`` lies in, the outermost first: the model itself, ``a``."""
    if module:
        yield ""
    yield from (module[:end] for end, character in enumerate(module) if character == ".")


def _no_match(
    loaded: LoadedSpec, names: Iterable[str], where: tuple[int, int], pattern: str
) -> Diagnostic:
    path = ("constraints", where[0], "tables", where[1])
    message = f"no table matches {show(pattern)}"
    return loaded.document.diagnostic(path, message, did_you_mean(pattern, names), "unknown_name")


def _ambiguous(
    loaded: LoadedSpec, where: tuple[int, int], pattern: str, namesakes: Sequence[str]
) -> Diagnostic:
    path = ("constraints", where[0], "tables", where[1])
    message = f"tables of {len(namesakes)} modules are called {show(pattern)}"
    hint = f"write {', '.join(namesakes[:_MOST_OFFERED])}, or */{pattern} for all"
    return loaded.document.diagnostic(path, message, hint, "ambiguous")


def _check_allowed(loaded: LoadedSpec, matches: Sequence[tuple[int, ...]]) -> Iterator[Diagnostic]:
    """Demands on one table must leave it a sharding type, a kernel and a rank."""
    spec, applied = loaded.spec, dict[int, list[int]]()
    collections = {path: each.collection for path, each in (spec.modules or {}).items()}
    for constraint, tables in enumerate(matches):
        for table in tables:
            applied.setdefault(table, []).append(constraint)
    seen: set[tuple[Collection, int, tuple[int, ...]]] = set()
    called = labels(loaded.spec.table_keys)
    for table, which in sorted(applied.items()):
        collection = collections.get(spec.tables[table].module_in(spec.defaults), POOLED)
        dim = spec.tables[table].dim or spec.defaults.dim or MOST_COLUMNS
        if (collection, dim, tuple(which)) in seen:
            continue
        seen.add((collection, dim, tuple(which)))
        demands = {index: spec.constraints[index] for index in which}
        for left in left_nothing(demands, collection, dim):
            name = show(called[table])
            by = " and ".join(f"constraints[{index}]" for index in left.by)
            message = f"table {name} is left no {left.what} by {by}"
            at: Path = ("constraints", left.by[-1], *([left.key] if left.key else []))
            yield loaded.document.diagnostic(at, message, left.hint, "contradiction")


def _check_apart(loaded: LoadedSpec, matches: Sequence[tuple[int, ...]]) -> Iterator[Diagnostic]:
    """No two tables may be both together, directly or through others, and apart."""
    leader = list(range(len(loaded.spec.tables)))
    called = labels(loaded.spec.table_keys)

    def lead(table: int) -> int:
        while leader[table] != table:
            leader[table] = leader[leader[table]]
            table = leader[table]
        return table

    for constraint, tables in zip(loaded.spec.constraints, matches, strict=True):
        for table in tables[1:] if constraint.together else ():
            leader[lead(table)] = lead(tables[0])
    for index, (constraint, tables) in enumerate(
        zip(loaded.spec.constraints, matches, strict=True)
    ):
        group: dict[int, int] = {}
        for table in tables if constraint.apart else ():
            other = group.setdefault(lead(table), table)
            if other != table:
                names = [show(called[i]) for i in (other, table)]
                message = f"tables {names[0]} and {names[1]} must be together as well"
                path = ("constraints", index)
                yield loaded.document.diagnostic(
                    path, message, "drop one of the two", "contradiction"
                )
                break
