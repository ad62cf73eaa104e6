"""What a job's model says of its tables and modules is in the spec that is planned."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torchrec import (
    EmbeddingBagCollection,
    EmbeddingBagConfig,
    EmbeddingCollection,
    EmbeddingConfig,
)
from torchrec.distributed.planner.types import Topology
from torchrec.distributed.sharding_plan import get_default_sharders
from torchrec.modules.embedding_configs import DataType, PoolingType
from torchrec.modules.feature_processor_ import PositionWeightedModuleCollection
from torchrec.modules.fp_embedding_modules import FeatureProcessedEmbeddingBagCollection
from torchrec.modules.mc_embedding_modules import ManagedCollisionEmbeddingBagCollection
from torchrec.modules.mc_modules import (
    LRU_EvictionPolicy,
    ManagedCollisionCollection,
    MCHManagedCollisionModule,
)

from shardplan.torchrec import Planner

pytestmark = pytest.mark.filterwarnings("ignore")
META = torch.device("meta")


def bags(*tables: EmbeddingBagConfig, is_weighted: bool = False) -> EmbeddingBagCollection:
    return EmbeddingBagCollection(list(tables), device=META, is_weighted=is_weighted)


def bag(name: str, **more: Any) -> EmbeddingBagConfig:
    return EmbeddingBagConfig(1000, 64, name, feature_names=[f"{name}_ids"], **more)


def managed(table: EmbeddingBagConfig) -> ManagedCollisionEmbeddingBagCollection:
    ids = MCHManagedCollisionModule(
        zch_size=table.num_embeddings,
        device=META,
        eviction_policy=LRU_EvictionPolicy(),
        eviction_interval=3,
        input_hash_size=10**6,
    )
    maps = ManagedCollisionCollection({table.name: ids}, [table])
    return ManagedCollisionEmbeddingBagCollection(bags(table), maps)


class EveryModule(torch.nn.Module):
    """One module of each kind that is planned."""

    def __init__(self) -> None:
        super().__init__()
        half = bag("halved", data_type=DataType.FP16)
        self.weighted = bags(half, is_weighted=True)
        self.averaged = bags(bag("mean", pooling=PoolingType.MEAN), bag("sum"))
        row = EmbeddingConfig(1000, 64, "row", feature_names=["row_ids"])
        self.rows = EmbeddingCollection([row], device=META)
        self.processed = FeatureProcessedEmbeddingBagCollection(
            bags(bag("place"), is_weighted=True),
            PositionWeightedModuleCollection({"place_ids": 4}, device=META),
        )
        self.managed = managed(bag("raw"))


@pytest.fixture(scope="module")
def made() -> Any:
    planner = Planner(Topology(2, "cuda", created_by_factory=True), stats=[])
    planner.plan(EveryModule(), get_default_sharders())
    return planner.made


@pytest.mark.parametrize(
    ("table", "module", "told"),
    [
        ("halved", "weighted", {"dtype": "fp16", "weighted": True}),
        ("mean", "averaged", {"dtype": "fp32", "pooling_type": "mean"}),
        ("sum", "averaged", {"dtype": "fp32"}),
        ("row", "rows", {"dtype": "fp32"}),
        ("place", "processed", {"dtype": "fp32", "weighted": True}),
        ("raw", "managed", {"dtype": "fp32"}),
    ],
)
def test_a_table_is_planned_as_the_model_has_it(
    made: Any, table: str, module: str, told: dict[str, Any]
) -> None:
    usual = {"weighted": False, "pooling_type": "sum"}
    (found,) = [each for each in made.resolved["tables"] if each["name"] == table]
    of_defaults = usual | made.resolved["defaults"]
    for key, value in (usual | told | {"module": module}).items():
        assert found.get(key, of_defaults.get(key)) == value, key


def test_a_module_is_planned_as_its_kind(made: Any) -> None:
    kinds = {path: facts["kind"] for path, facts in made.resolved["modules"].items()}
    assert kinds == {
        "rows": "sequence",
        "processed": "feature_processed",
        "managed": "managed_collision",
    }
    told = made.resolved["modules"]["managed"]["id_map"]
    assert (told["policy"], told["eviction_interval"]) == ("lru", 3)


def test_what_averages_is_told_in_the_plan(made: Any) -> None:
    assert [table.name for table in made.tables if table.is_mean] == ["mean"]
