"""What a step may ask for less of: samples, ids of a sample, groups that each hold all tables."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from shardplan.errors import InputError
from shardplan.whatif.remedies.remedy import Remedy, some

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shardplan.case import Case
    from shardplan.spec.spec import BatchSpec
    from shardplan.whatif.trials import Trials

_HALVINGS = 6
"""Of a batch, of what samples may have, of groups: at most so many are tried."""
_LOWER_CAP = 0.25
"""Beside how many times it is halved, as the next."""
_SMALLER_BATCH = 0.45
_FEWER_GROUPS = 0.6
_HALVED = 0.05


def of_batches(trials: Trials) -> Iterator[Remedy]:
    """Shorter histories of ids, lower caps, a smaller batch, fewer groups of devices: of each the
    largest that is enough."""
    yield from _sooner_evictions(trials)
    yield from _lower_caps(trials)
    yield from _smaller_batch(trials)
    yield from _fewer_groups(trials)


def _sooner_evictions(trials: Trials) -> Iterator[Remedy]:
    """Where collisions are managed, all ids between two evictions are kept."""
    case = trials.case
    kept = {
        path: module.id_map.eviction_interval
        for path, module in (case.spec.modules or {}).items()
        if module.id_map is not None and module.id_map.eviction_interval > 1
    }
    if not kept or not trials.has_plan(partial(_evicting, case, dict.fromkeys(kept, 1))):
        return
    for halvings in range(1, max(kept.values()).bit_length()):
        fewer = {path: max(1, steps >> halvings) for path, steps in kept.items()}
        if trials.has_plan(partial(_evicting, case, fewer)):
            told = some([f"{steps:,} of {path or 'the model'}" for path, steps in fewer.items()])
            yield Remedy(f"an eviction_interval of {told}", _LOWER_CAP + _HALVED * halvings)
            return


def _evicting(case: Case, intervals: Mapping[str, int]) -> Case:
    modules = dict(case.spec.modules or {})
    for path, steps in intervals.items():
        id_map = modules[path].id_map
        assert id_map is not None
        sooner = id_map.model_copy(update={"eviction_interval": steps})
        modules[path] = modules[path].model_copy(update={"id_map": sooner})
    return case.with_(modules=modules)


def _lower_caps(trials: Trials) -> Iterator[Remedy]:
    """Where rows are not pooled, there is an output for each id that a sample may have."""
    case = trials.case
    tables = case.workload.tables
    capped = [
        index
        for index, table in enumerate(tables)
        if not table.collection.is_pooled and table.cap > table.ids_per_sample
    ]
    if not capped or not trials.has_plan(partial(_capped, case, capped, _HALVINGS)):
        return
    for halvings in range(1, _HALVINGS + 1):
        if trials.has_plan(partial(_capped, case, capped, halvings)):
            names = some([tables[index].label for index in capped])
            words = f"a cap 1/{2**halvings} as high, or the pooling where that is more, of {names}"
            yield Remedy(words, _LOWER_CAP + _HALVED * halvings)
            return


def _capped(case: Case, chosen: list[int], halvings: int) -> Case:
    tables = list(case.spec.tables)
    for index in chosen:
        table = case.workload.tables[index]
        pairs = zip(table.caps, table.poolings, strict=True)
        caps = tuple(max(most / 2**halvings, mean) for most, mean in pairs)
        tables[index] = tables[index].model_copy(update={"cap": caps})
    return case.with_(tables=tuple(tables))


def _smaller_batch(trials: Trials) -> Iterator[Remedy]:
    """What is kept of the samples of a step is as large as the batch."""
    case = trials.case
    batches = halved_batches(case)
    if not batches or not trials.has_plan(partial(_with_batch, case, batches[-1])):
        return
    for number, batch in enumerate(batches, start=1):
        if trials.has_plan(partial(_with_batch, case, batch)):
            was, now = (each.local or each.global_ for each in (case.spec.batch, batch))
            where = "on each device" if batch.local else "over all devices"
            words = f"a batch of {now:,} samples {where} instead of {was:,}"
            yield Remedy(words, _SMALLER_BATCH + _HALVED * number)
            return


def halved_batches(case: Case) -> list[BatchSpec]:
    """Smaller batches, falling; none where modules count their samples apart."""
    batch = case.spec.batch
    apart = [module.batch for module in (case.spec.modules or {}).values() if module.batch]
    if any(each.share is None for each in apart):
        return []
    key, samples = ("local", batch.local) if batch.local else ("global_", batch.global_ or 0)
    least = 1 if batch.local else case.topology.whole.world_size
    sizes = [samples >> halvings for halvings in range(1, _HALVINGS + 1)]
    return [batch.model_copy(update={key: n}) for n in sizes if n >= least and n % least == 0]


def _with_batch(case: Case, batch: BatchSpec) -> Case:
    return case.with_(batch=batch)


def _fewer_groups(trials: Trials) -> Iterator[Remedy]:
    """Each group of devices holds all tables."""
    case = trials.case
    replicas = case.spec.training.replicas
    if replicas is None or not isinstance(replicas.groups, int):
        return
    groups = replicas.groups
    for halvings in range(1, _HALVINGS + 1):
        fewer = groups >> halvings
        if not fewer or groups % 2**halvings:
            return
        try:
            has_plan = trials.has_plan(partial(_grouped, case, fewer))
        except InputError:  # Ranks of constraints, or nodes, that such groups do not have.
            continue
        if has_plan:
            words = f"training.replicas.groups: {fewer} instead of {groups}"
            yield Remedy(words, _FEWER_GROUPS + _HALVED * halvings)
            return


def _grouped(case: Case, groups: int) -> Case:
    training = case.spec.training
    assert training.replicas is not None
    replicas = training.replicas.model_copy(update={"groups": groups})
    return case.with_(training=training.model_copy(update={"replicas": replicas}))
