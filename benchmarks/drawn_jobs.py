"""Models and clusters drawn from a seed, as a job tells TorchRec's planner of them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import torch
from torchrec import (
    EmbeddingBagCollection,
    EmbeddingBagConfig,
    EmbeddingCollection,
    EmbeddingConfig,
)
from torchrec.distributed.embedding import EmbeddingCollectionSharder
from torchrec.distributed.embeddingbag import EmbeddingBagCollectionSharder
from torchrec.distributed.planner.storage_reservations import FixedPercentageStorageReservation
from torchrec.distributed.planner.types import ParameterConstraints, Topology


@dataclass(frozen=True)
class DrawnJob:
    """A model, and what its planner is told."""

    model: torch.nn.Module
    sharders: list[Any]
    world_size: int
    local_world_size: int
    hbm_bytes: int
    batch_size: int
    constraints: dict[str, ParameterConstraints]

    @classmethod
    def of(cls, seed: int, tables: int = 12) -> DrawnJob:
        draw = random.Random(seed)
        model = torch.nn.Module()
        bags = [_config(draw, EmbeddingBagConfig, f"bag{i}") for i in range(tables)]
        is_weighted = draw.random() < 0.3
        model.bags = EmbeddingBagCollection(
            bags, device=torch.device("meta"), is_weighted=is_weighted
        )
        rows = [_config(draw, EmbeddingConfig, f"row{i}") for i in range(draw.choice([0, 3]))]
        if rows:
            for config in rows:
                config.embedding_dim = 64
            model.rows = EmbeddingCollection(rows, device=torch.device("meta"))
        every = [*bags, *rows]
        total = sum(each.num_embeddings * each.embedding_dim * 4 for each in every)
        world, local = draw.choice([(2, 2), (4, 4), (8, 4), (16, 8)])
        return cls(
            model,
            [EmbeddingBagCollectionSharder(), EmbeddingCollectionSharder()],
            world,
            local,
            int(draw.uniform(1.5, 4) * total / world) + 2**28,
            draw.choice([128, 512, 2048]),
            {each.name: _constraint(draw, len(each.feature_names)) for each in every},
        )

    @classmethod
    def mixed(cls, seed: int) -> DrawnJob:
        """Of 2 to 24 tables in one to four modules, on 2 to 64 ranks, some tables constrained."""
        draw = random.Random(f"mixed {seed}")
        model = torch.nn.Module()
        every: list[Any] = []
        for number in range(draw.randint(1, 3)):
            tables = [
                _config(draw, EmbeddingBagConfig, f"bag{number}_{i}")
                for i in range(draw.randint(2, 7))
            ]
            is_weighted = draw.random() < 0.3
            bags = EmbeddingBagCollection(
                tables, device=torch.device("meta"), is_weighted=is_weighted
            )
            model.add_module(f"bags{number}", bags)
            every += tables
        if draw.random() < 0.4:
            rows = [_config(draw, EmbeddingConfig, f"row{i}") for i in range(3)]
            for config in rows:
                config.embedding_dim = 64
            model.rows = EmbeddingCollection(rows, device=torch.device("meta"))
            every += rows
        total = sum(each.num_embeddings * each.embedding_dim * 4 for each in every)
        world, local = draw.choice([(2, 2), (4, 4), (8, 8), (16, 8), (32, 8), (64, 8)])
        constraints = {each.name: _constraint(draw, len(each.feature_names)) for each in every}
        for constraint in constraints.values():
            if draw.random() < 0.2:
                kinds = ["table_wise", draw.choice(["row_wise", "column_wise"])]
                constraint.sharding_types = kinds[: draw.randint(1, 2)]
            if draw.random() < 0.1:
                constraint.compute_kernels = draw.choice(
                    [["fused", "fused_uvm"], ["fused_uvm_caching"]]
                )
                constraint.sharding_types = ["table_wise", "row_wise"]
            if draw.random() < 0.1:
                constraint.min_partition = draw.choice([16, 32])
        return cls(
            model,
            [EmbeddingBagCollectionSharder(), EmbeddingCollectionSharder()],
            world,
            local,
            int(draw.uniform(1.2, 4) * total / world) + (2**28 if world <= 8 else 2**31),
            draw.choice([128, 512, 2048]),
            constraints,
        )

    def topology(self) -> Topology:
        """A new one: planners keep theirs."""
        return Topology(
            self.world_size,
            "cuda",
            hbm_cap=self.hbm_bytes,
            local_world_size=self.local_world_size,
            created_by_factory=True,
        )

    def arguments(self) -> dict[str, Any]:
        """Of either planner."""
        return {
            "topology": self.topology(),
            "batch_size": self.batch_size,
            "storage_reservation": FixedPercentageStorageReservation(0.1),
            "constraints": self.constraints,
            "stats": [],
        }


def _config(draw: random.Random, kind: Any, name: str) -> Any:
    features = [name, f"{name}_too"] if draw.random() < 0.2 else [name]
    return kind(
        name=name,
        num_embeddings=int(10 ** draw.uniform(2, 6.5)),
        embedding_dim=draw.choice([16, 32, 64, 128, 256]),
        feature_names=features,
    )


def _constraint(draw: random.Random, features: int) -> ParameterConstraints:
    return ParameterConstraints(pooling_factors=[draw.uniform(0.5, 40) for _ in range(features)])
