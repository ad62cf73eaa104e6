"""A public job whose tables have namesakes in another module: from the model to training."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
import yaml
from random_specs import TOPOLOGY
from rank_crew import Crew

from shardplan.build_case import case_of_value
from shardplan.plan.file.read import parse_plan
from shardplan.plan.file.write import render
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("torchrec") is None, reason="torchrec is not installed"),
    pytest.mark.filterwarnings("ignore"),
]
_MODEL = """
import torch
from torchrec import EmbeddingBagCollection, EmbeddingBagConfig
from torchrec import EmbeddingCollection, EmbeddingConfig

EBC = {"user_id": 1141, "cms_segid": 98, "final_gender_code": 3, "adgroup_id": 846,
       "cate_id": 129, "brand": 461, "price": 100}
EC = ["adgroup_id", "cate_id", "brand"]

def config(kind, feature, rows):
    return kind(name=f"{feature}_emb", num_embeddings=rows, embedding_dim=16,
                feature_names=[feature])

def make():
    bags = [config(EmbeddingBagConfig, name, rows) for name, rows in EBC.items()]
    rows = [config(EmbeddingConfig, p + name, EBC[name])
            for p in ("", "click_50_seq__") for name in EC]
    group = torch.nn.Module()
    group.emb_impls = torch.nn.ModuleDict({"__BASE__": torch.nn.Module()})
    group.emb_impls["__BASE__"].ebc = EmbeddingBagCollection(tables=bags)
    group.seq_emb_impls = torch.nn.ModuleDict({"__BASE__": torch.nn.Module()})
    group.seq_emb_impls["__BASE__"].ec_dict = torch.nn.ModuleDict(
        {"16": EmbeddingCollection(tables=rows)})
    model = torch.nn.Module()
    model.embedding_group = group
    return model
"""
NAMESAKES = ["adgroup_id_emb", "cate_id_emb", "brand_emb"]


@pytest.mark.parametrize("ranks", [2, 4])
def test_tables_of_one_name_in_two_modules_are_planned_and_trained_apart(
    ranks: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shardplan.cli.reports.adopted_spec import adopted_text

    (tmp_path / "taobao_din.py").write_text(_MODEL)
    monkeypatch.syspath_prepend(tmp_path)
    text, _ = adopted_text("taobao_din:make")
    spec = yaml.safe_load(text) | {
        "topology": TOPOLOGY | {"nodes": ranks // 2, "devices_per_node": 2},
        "batch": {"local": 64},
        "constraints": [
            {"tables": "*", "sharding": ["table_wise", "row_wise"]},
            {"tables": f"*ec_dict.16/{NAMESAKES[0]}", "sharding": ["row_wise"]},
            {"tables": f"*ebc/{NAMESAKES[0]}", "sharding": ["table_wise"]},
        ],
    }
    made = make_plan(case_of_value(spec, "spec"), Settings("greedy"), Reporter())
    plan = parse_plan(render(made), "plan.json")
    bags, rows = plan.plan
    assert set(plan.plan[bags]) & set(plan.plan[rows]) == set(NAMESAKES)
    assert plan.collection_of(rows).is_pooled is False
    kinds = [plan.plan[path][NAMESAKES[0]].sharding_type.name for path in (bags, rows)]
    assert kinds == ["table_wise", "row_wise"]
    with Crew(ranks, 2) as crew:
        for found in crew.run("kind_jobs.train_beside_unsharded", plan, "rowwise_adagrad"):
            assert max(found) < 1e-6
