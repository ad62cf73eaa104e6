"""docs/spec.md and docs/plan-file.md against the models that read the files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

import pytest
from doc_pages import ROOT, codes, table, tables
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from shardplan.build_case import build_case
from shardplan.plan.file.optimality import Status, Termination
from shardplan.plan.file.plan import Plan
from shardplan.sharding.kernel import KERNELS
from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.spec.fields.figure import Provenance
from shardplan.spec.load import spec_from_value
from shardplan.spec.objective import Objective
from shardplan.spec.spec import Spec
from shardplan.workload.collection import CollectionKind
from shardplan.workload.dense.layer_kinds import LAYER_KINDS
from shardplan.workload.dense.parallel import Parallel
from shardplan.workload.dense.precision import Precision
from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import OPTIMIZERS
from shardplan.workload.optimizers.weight_decay import WeightDecayMode
from shardplan.workload.pipeline.pipeline import Pipeline
from shardplan.workload.row_order import RowOrder
from shardplan.workload.wire.wire_type import WireType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SPEC_PAGE = ROOT / "docs" / "spec.md"
PLAN_PAGE = ROOT / "docs" / "plan-file.md"
GLOSSARY = ROOT / "docs" / "glossary.md"

REFERENCES = {
    "topology.name", "topology.path", "topology.nodes", "cost_model.name", "cost_model.path",
    "training.framework.name", "training.framework.path",
}  # fmt: skip
"""Keys of mappings that refer to something else; no model lists them."""

LEAVES = ("MemoryBytes", "NamedInput", "HistoryPoint")
"""Models that the pages describe in one row."""


def model_in(annotation: Any) -> tuple[type[BaseModel], str] | None:
    """The model inside an annotation, and what its path gains: a list, or a mapping by name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, ""
    suffix = {tuple: "[]", dict: ".<name>"}.get(getattr(annotation, "__origin__", None), "")
    for inner in get_args(annotation):
        if found := model_in(inner):
            return found[0], suffix + found[1]
    return None


def keys(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of a model and of the models inside, with its field."""
    for name, field in model.model_fields.items():
        here = f"{path}{field.alias or name}"
        inner = model_in(field.annotation)
        if inner is None or inner[0].__name__ in LEAVES:
            yield here + (inner[1] if inner else ""), field
        else:
            yield from keys(inner[0], f"{here}{inner[1]}.")


def documented(page: Any) -> dict[str, tuple[str, ...]]:
    return {codes(row[0])[0]: row for row in table(page, "key").rows}


def test_the_spec_page_has_every_key_and_no_other() -> None:
    assert set(documented(SPEC_PAGE)) - REFERENCES == {key for key, _ in keys(Spec)}


def test_the_spec_page_tells_the_defaults() -> None:
    """What stands in backquotes in the column is the default as a resolved spec has it, or a model
    that a spec may leave out."""
    resolved = Spec.model_validate(
        {
            "batch": {"global": 1},
            "topology": "x",
            "constraints": [{"tables": "a", "ranks": [0]}],
            "modules": {"m": {}},
            "tables": [{"name": "t", "rows": 1, "dynamic": {}}],
        }
    ).resolved()
    pages = documented(SPEC_PAGE)
    for key, field in keys(Spec):
        if field.default is PydanticUndefined or field.default is None or field.default == ():
            continue
        value: Any = resolved
        try:
            for part in key.replace("[]", ".0").replace("<name>", "m").split("."):
                value = value[int(part)] if part.isdigit() else value[part]
        except LookupError:  # Of a model that is left out.
            value = field.default
        shown = value if isinstance(value, str) else json.dumps(value)
        assert codes(pages[key][3]) == [shown.removesuffix(".0")], key


def test_the_spec_page_lists_the_values_of_each_choice() -> None:
    choices: dict[str, Iterable[object]] = {
        "training.optimizer": OPTIMIZERS,
        "training.weight_decay_mode": WeightDecayMode,
        "training.pipeline": Pipeline,
        "training.dense.dtype": Precision,
        "training.dense.parallel": Parallel,
        "training.dense.gradient_dtype": Dtype,
        "training.dense.optimizer": OPTIMIZERS,
        "training.comm_dtype.forward": WireType.named(),
        "training.comm_dtype.backward": WireType.named(),
        "defaults.dtype": Dtype,
        "tables[].dtype": Dtype,
        "defaults.ids": RowOrder,
        "tables[].ids": RowOrder,
        "objective": Objective,
        "modules.<name>.kind": CollectionKind,
        "modules.<name>.output_dtype": Dtype,
    }
    pages = documented(SPEC_PAGE)
    for key, choice in choices.items():
        assert codes(pages[key][2]) == list(map(str, choice)), key


@pytest.mark.parametrize("page", ["spec.md", "cost-model.md"])
def test_a_page_lists_every_kind_of_dense_layer(page: str) -> None:
    rows = table(ROOT / "docs" / page, "layer").rows
    named = {code.strip("{").split(":")[0] for row in rows for code in codes(row[0])[:1]}
    assert named == {kind.keyword for kind in LAYER_KINDS}


def test_the_plan_page_has_every_key_in_the_order_of_the_file() -> None:
    found = [
        key.replace("plan.<name>.<name>.", "plan.<module>.<table>.", 1) for key, _ in keys(Plan)
    ]
    assert list(documented(PLAN_PAGE)) == found


def test_the_plan_page_lists_what_optimality_may_say() -> None:
    pages = documented(PLAN_PAGE)
    assert codes(pages["optimality.status"][1]) == list(Status)
    assert codes(pages["optimality.termination"][1]) == list(Termination)
    assert codes(pages["optimality.objective"][1]) == list(Objective)


@pytest.mark.parametrize(
    "words", [SHARDING_TYPES, KERNELS, Dtype, RowOrder, OPTIMIZERS, Pipeline, Objective, Provenance]
)
def test_the_glossary_knows_every_word_that_files_use(words: Iterable[object]) -> None:
    known = {code for found in tables(GLOSSARY) for row in found.rows for code in codes(row[0])}
    known |= {code for found in tables(GLOSSARY) for row in found.rows for code in codes(row[1])}
    assert set(map(str, words)) <= known


@pytest.mark.parametrize("cost_model", ["h100", "torchrec"])
def test_the_glossary_knows_every_phase(cost_model: str) -> None:
    spec = {
        "batch": {"global": 64},
        "topology": "dgx-h100",
        "cost_model": cost_model,
        "tables": [{"name": "a", "rows": 100, "dim": 8}],
    }
    phases = build_case(spec_from_value(spec, "spec")).cost_model.phases
    known = {code for found in tables(GLOSSARY) for row in found.rows for code in codes(row[0])}
    assert [phase.name for phase in phases if phase.name not in known] == []


def test_the_glossary_says_each_word_once() -> None:
    words = [row[0] for found in tables(GLOSSARY) for row in found.rows]
    assert len(set(words)) == len(words)
