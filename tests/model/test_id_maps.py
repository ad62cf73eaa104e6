"""What a model says of its managed collections' maps is what the spec of it says."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

pytest.importorskip("torchrec")

import torch
from torchrec.modules.embedding_configs import EmbeddingBagConfig
from torchrec.modules.embedding_modules import EmbeddingBagCollection
from torchrec.modules.mc_embedding_modules import ManagedCollisionEmbeddingBagCollection
from torchrec.modules.mc_modules import (
    DistanceLFU_EvictionPolicy,
    LFU_EvictionPolicy,
    LRU_EvictionPolicy,
    ManagedCollisionCollection,
    MCHManagedCollisionModule,
)

from shardplan.build_case import case_of_value
from shardplan.model.adopt import spec_of_model

META = torch.device("meta")
# Hashed maps compile functions where they are imported, of which PyTorch warns.
pytestmark = pytest.mark.filterwarnings("ignore")


def sorted_map(policy, interval=1):
    return lambda: MCHManagedCollisionModule(
        zch_size=100,
        input_hash_size=1 << 40,
        device=torch.device("cpu"),
        eviction_interval=interval,
        eviction_policy=policy(),
    )


def hashed_map(**more):
    def make():
        from torchrec.modules.hash_mc_modules import HashZchManagedCollisionModule

        return HashZchManagedCollisionModule(
            zch_size=100, device=META, total_num_buckets=4, input_hash_size=1 << 40, **more
        )

    return make


def expiring_map():
    from torchrec.modules.hash_mc_evictions import HashZchEvictionConfig, HashZchEvictionPolicyName

    return hashed_map(
        eviction_policy_name=HashZchEvictionPolicyName.SINGLE_TTL_EVICTION,
        eviction_config=HashZchEvictionConfig(features=["f0"], single_ttl=10),
    )()


class OurMap(MCHManagedCollisionModule):
    """What it keeps beside is its own business."""


def our_map():
    return OurMap(
        zch_size=100,
        input_hash_size=1 << 40,
        device=torch.device("cpu"),
        eviction_interval=7,
        eviction_policy=LRU_EvictionPolicy(),
    )


def adopted(*makers, returns_ids=False):
    """(spec, notes) of a model whose one module has a table for each of the maps."""

    def make():
        tables = [
            EmbeddingBagConfig(
                name=f"t{i}", num_embeddings=100, embedding_dim=8, feature_names=[f"f{i}"]
            )
            for i in range(len(makers))
        ]
        maps = {f"t{index}": maker() for index, maker in enumerate(makers)}
        model = torch.nn.Module()
        model.mc = ManagedCollisionEmbeddingBagCollection(
            EmbeddingBagCollection(device=META, tables=tables),
            ManagedCollisionCollection(maps, tables),
            return_remapped_features=returns_ids,
        )
        return model

    module = ModuleType("a_job_of_managed_collisions")
    module.make = make
    sys.modules[module.__name__] = module
    return spec_of_model(f"{module.__name__}:make")


@pytest.mark.parametrize(
    ("maker", "stated"),
    [
        (sorted_map(LFU_EvictionPolicy), None),
        (sorted_map(LRU_EvictionPolicy), {"policy": "lru"}),
        (
            sorted_map(DistanceLFU_EvictionPolicy, 5),
            {"policy": "distance_lfu", "eviction_interval": 5},
        ),
        (hashed_map(), {"policy": "hash"}),
        (hashed_map(track_id_freq=True), {"policy": "hash", "runtime_meta_dim": 1}),
        (hashed_map(write_runtime_meta_dim=3), {"policy": "hash", "runtime_meta_dim": 3}),
        (expiring_map, {"policy": "hash_evicting"}),
    ],
)
def test_the_map_of_a_model_is_the_map_of_its_spec(maker, stated):
    spec, notes = adopted(maker)
    assert spec["modules"]["mc"].get("id_map") == stated
    assert not notes


@pytest.mark.parametrize("maker", [hashed_map(), hashed_map(track_id_freq=True), expiring_map])
def test_the_bytes_of_a_row_of_a_hashed_map_are_those_that_it_allocates(maker):
    spec, _ = adopted(maker)
    named = dict(maker().named_parameters()) | dict(maker().named_buffers())
    whole = [each for each in named.values() if len(each) == 100]
    found = case_of_value(spec | {"batch": {"local": 8}, "topology": "dgx-h100"}, "spec")
    (table,) = found.workload.tables
    assert table.collection.id_map.row_bytes == sum(each[0].nbytes for each in whole)


def test_rows_that_travel_back_are_told():
    spec, _ = adopted(sorted_map(LFU_EvictionPolicy), returns_ids=True)
    assert spec["modules"]["mc"]["id_map"] == {"returns_ids": True}


def test_of_several_maps_in_a_module_the_largest_is_stated_and_the_others_named():
    makers = [sorted_map(each) for each in (LFU_EvictionPolicy, DistanceLFU_EvictionPolicy)]
    spec, (note,) = adopted(*makers)
    assert spec["modules"]["mc"]["id_map"] == {"policy": "distance_lfu"}
    assert "mc.t0 (MCHManagedCollisionModule)" in note
    assert "mc.t1" not in note


def test_a_map_of_a_class_of_the_jobs_own_is_named_and_not_guessed():
    spec, (note,) = adopted(our_map)
    assert "id_map" not in spec["modules"]["mc"]
    assert "mc.t0 (OurMap)" in note
