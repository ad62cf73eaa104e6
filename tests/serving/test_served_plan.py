"""Plans for serving: the best among all choices, legal, verified, with bounds that hold."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from served_specs import served

from shardplan.errors import Infeasible
from shardplan.serving.batch_shape import BatchShape
from shardplan.serving.options.hit_curve import HitCurve
from shardplan.serving.options.option_set import Pricer, all_choices
from shardplan.serving.options.placed_table import PlacedTable
from shardplan.serving.options.way import Way
from shardplan.serving.planner import make_served_plan
from shardplan.serving.predict import predict
from shardplan.serving.program.relaxation import Relaxation
from shardplan.serving.verify import verify_served
from shardplan.serving.work import Unqueued, Work
from shardplan.sharding.kernel import MemoryTier
from shardplan.sharding.kind import ShardingType
from shardplan.solve.settings import Settings
from shardplan.workload.access import Zipf
from shardplan.workload.serving.batch_seconds import BatchSeconds, Lanes

if TYPE_CHECKING:
    from shardplan.serving.file.served_plan import ServedPlan

FOUR_TABLES = [
    {"name": f"t{n}", "rows": rows, "pooling": pooling, "side": side,
     "quality_loss": {"fp16": 0, "int8": loss, "int4": 5 * loss}}
    for n, (rows, pooling, side, loss) in enumerate(
        [(4e8, 20, "item", 0.01), (2e8, 3, "item", 0.002), (3e8, 50, "user", 0.004),
         (1e5, 30, "item", 0.02)]
    )
]  # fmt: skip


def enumerated(case) -> float:
    """Seconds of the typical batch of the best plan, each tried."""
    options = Pricer.of(case).priced(all_choices(case))
    of_table = [np.flatnonzero(options.table == t) for t in range(len(case.serving.tables))]
    plans = np.stack([each.reshape(-1) for each in np.meshgrid(*of_table)], axis=1)
    hbm, ddr = case.replica.capacity_bytes
    fits = (options.hbm_bytes[plans].sum(axis=1) <= hbm).all(axis=1)
    fits &= options.ddr_bytes[plans].sum(axis=1) <= ddr
    fits &= options.loss[plans].sum(axis=1) <= case.serving.loss_at_most + 1e-12
    batch = BatchShape.typical(case.serving)
    amounts = np.array([1.0, batch.queries, batch.candidates])
    devices = (options.lookup[plans].sum(axis=1) @ amounts).max(axis=1)
    start = options.is_remote[plans].any(axis=1) * case.replica.gather_start_seconds
    seconds = devices + start + (options.gather[plans].sum(axis=1) @ amounts)
    return case.profile.lookup_forward.launch_seconds + seconds[fits].min()


@pytest.mark.parametrize(
    ("devices", "budget", "gap"), [(1, 0.05, 1e-6), (2, 0.03, 1e-6), (2, 0.03, 0.2)]
)
def test_no_choice_of_formats_tiers_and_places_is_faster(devices, budget, gap) -> None:
    tables = FOUR_TABLES if devices == 1 else FOUR_TABLES[:3]
    case = served(tables=tables, quality={"loss_at_most": budget}, replicas={"devices": devices})
    plan, best = make_served_plan(case, Settings(gap=gap)), enumerated(case)
    assert best * (1 - 1e-6) <= plan.optimality.objective_seconds <= best * (1 + gap)
    assert plan.optimality.lower_bound_seconds <= best * (1 + 1e-9)
    assert plan.optimality.gap <= gap
    assert plan.prediction.quality_loss <= budget
    assert verify_served(plan) == ()
    choices, pricer = all_choices(case), Pricer.of(case)
    relaxed = Relaxation.of(
        case, pricer.priced(choices), pricer.segments(choices), BatchShape.typical(case.serving)
    ).bound()
    assert 0.8 * best <= relaxed <= best * (1 + 1e-9)


def test_quality_is_a_budget_of_all_tables_together() -> None:
    """Each table alone could be int4, but not both."""
    losses = {"fp16": 0, "int8": 0, "int4": 0.02}
    tables = [{"name": n, "rows": 1e6, "pooling": 40, "quality_loss": losses} for n in "ab"]
    formats = [
        sorted(entry.dtype.value for entry in make_served_plan(case).tables)
        for budget in (0.0, 0.03, 0.04)
        if (case := served(tables=tables, quality={"loss_at_most": budget}))
    ]
    assert formats == [["int8", "int8"], ["int4", "int8"], ["int4", "int4"]]


def test_rows_of_a_user_are_read_once_a_query() -> None:
    of_side = {}
    for side in ("user", "item"):
        tables = [{"name": "t", "rows": 1e6, "pooling": 10, "side": side}]
        of_side[side] = make_served_plan(served(tables=tables)).prediction.parts[0].lanes[0]
    assert of_side["user"].seconds_per_query == of_side["item"].seconds_per_candidate > 0
    assert of_side["user"].seconds_per_candidate == of_side["item"].seconds_per_query == 0


def test_tables_too_large_for_hbm_lie_in_ddr_with_a_cache_of_their_hot_rows() -> None:
    tables = [
        {"name": "huge", "rows": 2e9, "pooling": 5, "access": {"zipf": 1.05}},
        {"name": "hot", "rows": 1e6, "pooling": 20},
    ]
    case = served(tables=tables, dtypes=["int8"])
    plan = make_served_plan(case)
    assert [entry.compute_kernel for entry in plan.tables] == ["quant_uvm_caching", "quant"]
    assert verify_served(plan) == ()
    free = case.replica.capacity_bytes[0] - plan.prediction.devices[0].hbm_bytes
    assert 0 <= free < 32 * (80 + 16)  # all of HBM is used, but for less than a set of slots


def test_two_caches_share_a_budget_as_well_as_can_be() -> None:
    """Within 0.1% of the best of a thousand ways to split HBM between them."""
    tables = [
        {"name": "a", "rows": 1e9, "pooling": 9, "access": {"zipf": 1.2}},
        {"name": "b", "rows": 4e8, "pooling": 2, "access": {"zipf": 0.8}, "dim": 128},
    ]
    case = served(tables=tables, dtypes=["int8"], reserve={"hbm": "70%"})
    plan = make_served_plan(case, Settings(gap=1e-6))
    assert [entry.compute_kernel for entry in plan.tables] == ["quant_uvm_caching"] * 2
    placed = [
        PlacedTable(index, entry.dtype, MemoryTier.DDR, Way(ShardingType.TABLE_WISE, (0,)), 32)
        for index, entry in enumerate(plan.tables)
    ]
    slots = [entry.row_bytes + 16 for entry in plan.tables]
    free = case.replica.capacity_bytes[0] - predict(case, placed).hbm_bytes[0]
    seconds = []
    for share in np.linspace(0.001, 0.999, 300):
        rows = [
            int(part * free / slot) for part, slot in zip((share, 1 - share), slots, strict=True)
        ]
        split = [replace(table, cached_rows=more) for table, more in zip(placed, rows, strict=True)]
        seconds.append(float(predict(case, split).service.seconds(1.0, 500.0)))
    assert plan.prediction.batch_seconds <= min(seconds) * 1.001


def test_a_pruned_table_keeps_half_of_its_rows_and_an_index_of_all() -> None:
    def planned(prune: dict) -> ServedPlan:
        table = {"name": "t", "rows": 2e6, "dim": 128, "pooling": 20}
        case = served(tables=[table | prune], dtypes=["fp16"], quality={"loss_at_most": 0.01},
                      defaults={"quality_loss": {"fp16": 0}})  # fmt: skip
        plan = make_served_plan(case)
        assert verify_served(plan) == ()
        return plan

    whole, too_lossy, pruned = (
        planned(prune)
        for prune in (
            {},
            {"prune": [{"rows": 0.9, "loss": 0.02}]},
            {"prune": [{"rows": 0.9, "loss": 0.02}, {"rows": 0.5, "loss": 0.01}]},
        )
    )
    assert too_lossy.tables == whole.tables
    assert pruned.tables[0].kept_rows == 1_000_000
    spared = whole.prediction.devices[0].hbm_bytes - pruned.prediction.devices[0].hbm_bytes
    assert spared == 1_000_000 * 256 - 2_000_000 * 4


def test_a_cache_of_all_rows_misses_nothing_and_hits_are_concave() -> None:
    curve = HitCurve.of(Zipf(1.05), 5_000_000, 3.0)
    assert curve.hit_rate(5_000_000) == 1.0
    slopes = np.diff(curve.hits) / np.diff(curve.rows)
    assert (np.diff(slopes) <= slopes[:-1] * 1e-9).all()


def test_what_fits_nowhere_is_refused_with_the_numbers() -> None:
    with pytest.raises(Infeasible) as refused:
        make_served_plan(served(tables=[{"name": "t", "rows": 1e11}]))
    (short,) = refused.value.shortfalls
    assert short.needs >= 1e11 * 48
    assert short.needs > short.offers


def test_a_limit_below_what_a_query_takes_alone_is_refused() -> None:
    with pytest.raises(Infeasible):
        make_served_plan(served(slo={"p99": "1us"}))


@pytest.mark.parametrize("cv", [0.0, 0.3, 1.0])
def test_no_percentile_of_services_drawn_is_below_what_is_proven(cv: float) -> None:
    """Lognormal and two-point services of queries of drawn sizes, none of which waits."""
    rng = np.random.default_rng(5)
    case = served(query={"lognormal": [5.0, 0.6], "max": 900}, service_cv=cv)
    service = BatchSeconds((Lanes("dense", np.array([[1e-3, 0.0, 1e-5]])),), cv)
    sizes = case.serving.sizes.drawn(rng, 100_000)
    mean = service.seconds(np.ones(len(sizes)), sizes)
    spread = np.sqrt(np.log1p(cv**2))
    for factor in (
        np.exp(spread * rng.standard_normal(len(sizes)) - spread**2 / 2),
        np.where(rng.random(len(sizes)) < 0.5, 1 - cv, 1 + cv),
    ):
        for share in (0.5, 0.9, 0.99):
            least = Unqueued.of(case.serving, service, share).seconds
            assert np.quantile(mean * factor, share) >= least * 0.99
    if not cv:
        assert least == pytest.approx(np.quantile(mean, 0.99), rel=0.02)


def test_a_load_for_which_there_are_too_few_replicas_is_refused() -> None:
    dense = {"gpu": {"base": "1ms"}}
    with pytest.raises(Infeasible) as refused:
        make_served_plan(served(dense=dense, replicas={"devices": 1, "max": 4}))
    assert refused.value.shortfalls[0].needs == 6  # 4,000 queries/s of 1 ms, at most 80% busy


@pytest.mark.parametrize("batching", [{}, {"split": 60}, {"max_samples": 400}, {"max_samples": 50}])
def test_no_mix_of_batches_takes_less_work_than_the_typical_one(batching: dict) -> None:
    """Queries cut and put together at random, against the bound that replicas rest on."""
    rng = np.random.default_rng(1)
    case = served(query={"lognormal": [4.0, 0.8], "max": 300}, batching=batching)
    lanes = rng.uniform(0, 1, (3, 3)) * [10.0, 1.0, 0.05]
    service = BatchSeconds((Lanes("lookup", lanes), Lanes("dense", np.array([[5.0, 0.0, 0.1]]))))
    serving, batch = case.serving, BatchShape.typical(case.serving)
    bound = Work.of(
        serving, service, float(service.seconds(batch.queries, batch.candidates))
    ).least_per_query_seconds
    sizes = serving.sizes.drawn(rng, 4000)
    split = batching.get("split", 10**9)
    parts = [min(split, left) for size in sizes for left in range(size, 0, -split)]
    most, seconds, waiting = batching.get("max_samples", 0), 0.0, []
    for part in [*parts, 10**9]:
        if waiting and sum(waiting) + part > most:
            seconds += float(service.seconds(float(len(waiting)), float(sum(waiting))))
            waiting = []
        waiting.append(part)
    assert seconds / len(sizes) >= bound * 0.98  # the drawn sizes have a mean of their own


def test_the_page_has_every_key_of_the_plan() -> None:
    """Of all that plans of training do not have too."""
    page = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
    _, _, shown = page.partition("| key of a plan |")
    words = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`]+)`", shown))))
    plan = make_served_plan(served(slo={"p99": "1s"})).model_dump()

    def keys(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value).union(*map(keys, value.values()))
        return set().union(*map(keys, value)) if isinstance(value, list | tuple) else set()

    of_both = ("inputs", "solver", "resolved", "run")
    own = {key: part for key, part in plan.items() if key not in of_both}
    assert keys(own) <= words


def test_a_plan_that_was_changed_by_hand_is_found() -> None:
    plan = make_served_plan(served(quality={"loss_at_most": 0.01}, defaults={
        "dim": 64, "quality_loss": {"fp16": 0, "int8": 0.001}}))  # fmt: skip
    assert verify_served(plan) == ()
    entry = plan.tables[0]
    shard = entry.shards[0].model_copy(update={"memory_bytes": 1})
    for changed, code in (
        (entry.model_copy(update={"row_bytes": 1}), "coverage"),
        (entry.model_copy(update={"dtype": "int4"}), "runtime"),
        (entry.model_copy(update={"shards": (shard,)}), "coverage"),
    ):
        other = plan.model_copy(update={"tables": (changed, *plan.tables[1:])})
        assert [finding.code for finding in verify_served(other)] == [code]
    cheaper = plan.prediction.model_copy(update={"batch_seconds": 1e-9})
    found = verify_served(plan.model_copy(update={"prediction": cheaper}))
    assert {finding.code for finding in found} == {"prediction", "optimality"}
