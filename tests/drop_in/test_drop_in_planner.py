"""What the drop-in planner does around the plan: log, cache, specs, and TorchRec's own words."""

from __future__ import annotations

import json
import logging
import warnings
from typing import TYPE_CHECKING, Any

import pytest
import torch
from drawn_jobs import DrawnJob
from torchrec import EmbeddingBagCollection, EmbeddingBagConfig
from torchrec.distributed.embeddingbag import EmbeddingBagCollectionSharder
from torchrec.distributed.planner.stats import EmbeddingStats
from torchrec.distributed.planner.storage_reservations import FixedPercentageStorageReservation
from torchrec.distributed.planner.types import ParameterConstraints, Topology
from torchrec.modules.embedding_configs import PoolingType

import shardplan.torchrec.solving as module
from shardplan.convert.from_torchrec.decisions import decisions_of
from shardplan.convert.from_torchrec.read_text import read_text
from shardplan.errors import InputError, ShardplanError
from shardplan.explain.numbers.study import Study
from shardplan.torchrec import Planner
from shardplan.torchrec.proposals import their_planner

if TYPE_CHECKING:
    from pathlib import Path

    from torchrec.distributed.types import ShardingPlan

pytestmark = pytest.mark.filterwarnings("ignore")


def planner_of(job: DrawnJob, **more: Any) -> Planner:
    return Planner(**job.arguments() | {"gap": 0.5} | more)


class KeptStats(EmbeddingStats):
    """What TorchRec logs of a plan."""

    text = ""

    def log(self, *arguments: Any, **options: Any) -> None:
        super().log(*arguments, **options)
        self.text = "\n".join(self._stats_table)


def bags(pooling: PoolingType = PoolingType.SUM) -> EmbeddingBagCollection:
    tables = [
        EmbeddingBagConfig(rows, 64, f"t{rows}", feature_names=[f"f{rows}"], pooling=pooling)
        for rows in (100_000, 5_000, 300)
    ]
    return EmbeddingBagCollection(tables, device=torch.device("meta"))


def topology(world_size: int = 4) -> Topology:
    return Topology(world_size, "cuda", created_by_factory=True)


def test_what_torchrec_prints_of_the_plan_is_read_back_as_the_plan() -> None:
    """As text, as JSON, and from the table of EmbeddingStats, which tells ranks in order."""
    job, stats = DrawnJob.of(2), KeptStats()
    planner = planner_of(job, stats=stats)
    found: ShardingPlan = planner.plan(job.model, job.sharders)
    study = Study.of(planner.made, "made")
    written = json.dumps(found._serialize())  # noqa: SLF001
    texts = (str(found), written, stats.text)
    mine = study.ledger.decisions
    for text in texts:
        read = decisions_of(read_text(text, "text"), study.case, "text")
        for one, other in zip(read, mine, strict=True):
            assert (one.sharding, one.kernel) == (other.sharding, other.kernel)
            assert one.column_shards == other.column_shards
            assert sorted(one.targets) == sorted(other.targets)
    assert [one.targets for one in decisions_of(read_text(texts[0], "t"), study.case, "t")] == [
        one.targets for one in mine
    ]


def test_the_log_says_what_explain_would(caplog: pytest.LogCaptureFixture) -> None:
    job = DrawnJob.of(1)
    planner = planner_of(job)
    with caplog.at_level(logging.INFO, "shardplan.torchrec"):
        planner.plan(job.model, job.sharders)
    told = [each.getMessage() for each in caplog.records if each.name == "shardplan.torchrec"]
    ours = [each for each in told if "TorchRec's planner" not in each and ": note: " not in each]
    first, *others = ours
    assert "lower bound" in first
    assert "gap" in first
    longest = sorted(planner.made.prediction.phases.items(), key=lambda each: -each[1])[:2]
    assert [line.split(":")[0] for line in others[:2]] == [
        f"bottleneck {name}" for name, _ in longest
    ]
    assert [line.split(":")[0] for line in others[2:]] == [
        f"memory rank {rank}" for rank in range(job.world_size)
    ]


def test_a_plan_that_is_kept_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = DrawnJob.of(3)
    first = planner_of(job, cache=tmp_path)
    plan = first.plan(job.model, job.sharders)
    (kept,) = tmp_path.iterdir()

    def never(*_: Any) -> None:
        raise AssertionError("was planned again")

    monkeypatch.setattr(module, "make_plan", never)
    assert str(planner_of(job, cache=tmp_path).plan(job.model, job.sharders)) == str(plan)
    with pytest.raises(AssertionError):
        planner_of(job, cache=tmp_path, batch_size=7).plan(job.model, job.sharders)
    kept.write_text(kept.read_text()[:100])
    with pytest.raises(AssertionError):
        planner_of(job, cache=tmp_path).plan(job.model, job.sharders)


def spec(**more: Any) -> dict[str, Any]:
    return {
        "batch": {"local": 64},
        "topology": {"name": "dgx-h100", "nodes": 1},
        "training": {"optimizer": "sgd"},
        "defaults": {"dim": 64, "module": ""},
        "tables": [
            {"name": f"t{rows}", "rows": rows, "features": [f"f{rows}"]}
            for rows in (100_000, 5_000, 300)
        ],
    } | more


@pytest.mark.parametrize("way", ["by name", "first"])
def test_a_spec_stands_in_place_of_torchrecs_arguments(way: str) -> None:
    given = spec(constraints=[{"tables": "t300", "sharding": "row_wise"}])
    planner = Planner(spec=given) if way == "by name" else Planner(given)
    found = planner.plan(bags(), [EmbeddingBagCollectionSharder()]).plan[""]
    assert found["t300"].sharding_type == "row_wise"
    assert planner.made.inputs.cost_model.name == "h100"


def test_what_is_given_beside_a_spec_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        Planner(spec=spec(), batch_size=3, constraints={})
    assert [each.path for each in caught.value.diagnostics] == ["batch_size", "constraints"]


def test_a_spec_of_another_model_is_refused() -> None:
    other = spec(defaults={"dim": 32, "module": ""})
    with pytest.raises(InputError, match="t5000"):
        Planner(spec=other).plan(bags(), [EmbeddingBagCollectionSharder()])


def test_a_spec_of_sums_that_torchrec_has_none_of_is_refused() -> None:
    summed = spec(training={"optimizer": "sgd", "all_reduce": {"top_k": "10%"}})
    with pytest.raises(InputError, match="no top-k among its communication hooks"):
        Planner(spec=summed).plan(bags(), [EmbeddingBagCollectionSharder()])


class WholeTables(EmbeddingBagCollectionSharder):
    """A job's own sharder that cuts nothing."""

    def sharding_types(self, compute_device_type: str) -> list[str]:
        return ["table_wise"]


def test_what_a_sharder_does_not_offer_is_not_planned() -> None:
    plan = Planner(topology()).plan(bags(), [WholeTables()])
    assert {each.sharding_type for each in plan.plan[""].values()} == {"table_wise"}


@pytest.mark.parametrize(
    ("hbm_cap", "last", "expected"),
    [
        (2**34, ["table_wise", "row_wise"], {"table_wise"}),
        (12 * 2**20, ["table_wise", "row_wise"], {"row_wise"}),
        (2**34, ["table_wise"], {"table_wise"}),
        (12 * 2**20, ["table_wise"], {"table_wise", "row_wise"}),
    ],
    ids=["room", "little room", "not cut", "nothing else"],
)
def test_tables_that_average_are_all_cut_by_rows_or_none_unless_nothing_else_fits(
    hbm_cap: int, last: list[str], expected: set[str]
) -> None:
    """The largest table takes 24.4 MiB; its columns may not be cut here."""
    both = ["table_wise", "row_wise"]
    kinds = {100_000: both, 5_000: both, 300: last}
    only = {
        f"t{rows}": ParameterConstraints(sharding_types=each, compute_kernels=["fused"])
        for rows, each in kinds.items()
    }
    small = Topology(4, "cuda", hbm_cap=hbm_cap, created_by_factory=True)
    nothing = FixedPercentageStorageReservation(0.0)
    planner = Planner(small, 8, storage_reservation=nothing, constraints=only)
    plan = planner.plan(bags(PoolingType.MEAN), [EmbeddingBagCollectionSharder()])
    assert {each.sharding_type for each in plan.plan[""].values()} == expected


def mixed_bags() -> EmbeddingBagCollection:
    """Of a table that averages and one that does not."""
    tables = [
        EmbeddingBagConfig(1000, 16, name, feature_names=[name], pooling=pooling)
        for name, pooling in (("t0", PoolingType.MEAN), ("t1", PoolingType.SUM))
    ]
    return EmbeddingBagCollection(tables, device=torch.device("meta"))


def said_of_mixed_bags(
    sharding_types: list[str],
    caplog: pytest.LogCaptureFixture,
    of_sums: list[str] | None = None,
    **more: Any,
) -> tuple[list[str], set[str]]:
    """Warnings that speak of TorchRec's errors, and the sharding types of the plan."""
    asked = ParameterConstraints(sharding_types=sharding_types or None, **more)
    sums = ParameterConstraints(sharding_types=of_sums) if of_sums else asked
    planner = Planner(topology(), 8, constraints={"t0": asked, "t1": sums})
    with warnings.catch_warnings(record=True) as caught, caplog.at_level(logging.INFO):
        warnings.simplefilter("always")
        plan = planner.plan(torch.nn.ModuleDict({"m": mixed_bags()}))
    told = [str(each.message) for each in caught if "planner: " in str(each.message)]
    return told, {each.sharding_type for each in plan.plan["m"].values()}


def test_types_that_are_asked_for_and_left_out_are_warned_of(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for a module; and TorchRec's planner is not said to have tried them."""
    monkeypatch.setattr(their_planner, "_PROVEN", -1.0)
    (told,), kinds = said_of_mixed_bags(["row_wise", "table_wise"], caplog, ["table_wise"])
    assert kinds == {"table_wise"}
    assert "t0 averages: row_wise is not used for the tables of m: TorchRec 1.8 divides" in told
    assert "faster by its own estimator, of the ways that are left (" in caplog.text


def test_types_that_are_left_out_unasked_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert said_of_mixed_bags([], caplog)[0] == []
    assert "note: m: t0 averages: row_wise, table_row_wise are not used for the" in caplog.text


def test_wrong_types_that_are_all_there_is_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    (told,), kinds = said_of_mixed_bags(["row_wise"], caplog, ["table_wise"])
    assert kinds == {"row_wise", "table_wise"}
    assert "nothing but row_wise is left to t0: with this plan TorchRec 1.8 divides" in told


def test_means_are_cut_by_rows_where_all_tables_are_and_that_is_faster(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """TorchRec divides the sums of such modules once."""
    told, kinds = said_of_mixed_bags(["row_wise"], caplog)
    assert (told, kinds) == ([], {"row_wise"})
    (told,), kinds = said_of_mixed_bags(["row_wise", "table_wise"], caplog)
    assert kinds == {"row_wise"}
    assert "t0 averages: table_wise is not used for the tables of m: TorchRec 1.8" in told


def test_columns_that_are_not_cut_are_planned_as_torchrecs_single_shard(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of 16 columns none are cut into 24 or more, by TorchRec neither."""
    told, kinds = said_of_mixed_bags(["column_wise"], caplog, min_partition=24)
    assert (told, kinds) == ([], {"table_wise"})
    assert "16 columns are not cut into shards of 24 or more: column_wise of one" in caplog.text
    assert said_of_mixed_bags(["column_wise"], caplog, min_partition=8)[1] == {"column_wise"}


def test_columns_that_no_kernel_takes_are_refused_by_the_tables_name() -> None:
    table = EmbeddingBagConfig(100, 30, "odd", feature_names=["f"])
    model = EmbeddingBagCollection([table], device=torch.device("meta"))
    with pytest.raises(InputError, match=r"odd: a shard of 30 columns"):
        Planner(topology()).plan(model, [EmbeddingBagCollectionSharder()])


def test_a_model_without_tables_has_an_empty_plan() -> None:
    assert Planner(topology()).plan(torch.nn.Linear(2, 2)).plan == {}


def test_nothing_is_made_before_there_was_a_plan() -> None:
    with pytest.raises(ShardplanError, match="no plan was made yet"):
        _ = Planner(topology()).made


def test_callbacks_have_the_last_word() -> None:
    def all_on_rank_3(options: list[Any]) -> list[Any]:
        for option in options:
            option.sharding_type = "table_wise"
            option.shards = option.shards[:1]
            option.shards[0].size, option.shards[0].rank = list(option.tensor.shape), 3
        return options

    planner = Planner(topology(), callbacks=[all_on_rank_3])
    plan = planner.plan(bags(), [EmbeddingBagCollectionSharder()])
    assert {tuple(each.ranks) for each in plan.plan[""].values()} == {(3,)}


@pytest.mark.parametrize(
    ("kernel", "optimizer", "default"),
    [("key_value", "rowwise_adagrad", "default on SSD"), ("fused", "sgd", "default")],
)
def test_the_optimizer_that_no_job_sets_is_said_to_be_fbgemms(
    kernel: str, optimizer: str, default: str, caplog: pytest.LogCaptureFixture
) -> None:
    only = ParameterConstraints(compute_kernels=[kernel])
    constraints = {f"t{rows}": only for rows in (100_000, 5_000, 300)}
    planner = Planner(topology(), batch_size=64, constraints=constraints)
    with caplog.at_level(logging.INFO, "shardplan.torchrec"):
        planner.plan(bags())
    assert planner.made.training.optimizer.name == optimizer
    assert {e.compute_kernel.name for e in planner.made.plan[""].values()} == {kernel}
    assert f"all tables are planned with {optimizer}, FBGEMM's {default}" in caplog.text


def test_tables_that_torchrec_would_keep_in_hbm_beside_the_plan_are_warned_of() -> None:
    """FBGEMM puts what is planned in DDR into HBM, and no planner counts it there."""
    kernels = ["fused", "fused_uvm"]
    forced = ParameterConstraints(compute_kernels=kernels, enforce_hbm=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Planner(topology(), 8, constraints={"t300": forced}).plan(bags())
    (told,) = {str(each.message) for each in caught if "enforce_hbm" in str(each.message)}
    assert "the rows and the first moment of fused_uvm in HBM then" in told
