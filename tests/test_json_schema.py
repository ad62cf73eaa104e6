"""The schemas against every file of their kind that comes with the project, and broken ones."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import CliRunner
from draft07 import KEYWORDS, faults
from effort import examples
from hypothesis import given
from random_specs import specs

from shardplan.build_case import build_case
from shardplan.cli.commands.init import TEMPLATES, template_text
from shardplan.cli.main import cli
from shardplan.json_schema import SUBJECTS, json_schema
from shardplan.spec.load import load_spec, spec_from_value

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
SCHEMAS = {subject: json_schema(subject) for subject in SUBJECTS}


class _Core(yaml.SafeLoader):
    """YAML 1.2's plain scalars as editors read them: ``40_000_000`` and ``on`` are text."""


_Core.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("bool", r"^(true|false)$", "tf"),
):
    _Core.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


def as_editors_read(text: str) -> Any:
    return yaml.load(text, Loader=_Core)


def parts(schema: Any, is_properties: bool = False) -> Iterator[dict[str, Any]]:
    """Every schema inside a schema."""
    if isinstance(schema, list):
        for item in schema:
            yield from parts(item)
    elif isinstance(schema, dict):
        if not is_properties:
            yield schema
        for key, inner in schema.items():
            if key not in ("examples", "enum", "default", "required"):
                names = key in ("properties", "definitions") and not is_properties
                yield from parts(inner, names)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_keeps_to_the_subset_that_editors_understand(subject):
    schema = SCHEMAS[subject]
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    for part in parts(schema):
        assert set(part) <= KEYWORDS
        assert "title" not in part or part is schema
        assert part.get("type") != "null" or subject in ("plan", "front")
        if "$ref" in part:
            assert set(part) == {"$ref"}
            assert part["$ref"].removeprefix("#/definitions/") in schema["definitions"]


@pytest.mark.parametrize("template", TEMPLATES)
def test_takes_every_template(template):
    assert faults(as_editors_read(template_text(template)), SCHEMAS["spec"]) == []


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda p: p.name)
def test_takes_every_example(path):
    assert faults(as_editors_read(path.read_text()), SCHEMAS["spec"]) == []


@pytest.mark.parametrize("path", sorted((ROOT / "topologies").glob("*")), ids=lambda p: p.name)
def test_takes_every_topology(path):
    assert faults(as_editors_read(path.read_text()), SCHEMAS["topology"]) == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "cost_models").glob("*.yaml")), ids=lambda p: p.name
)
def test_takes_every_cost_model(path):
    assert faults(as_editors_read(path.read_text()), SCHEMAS["cost-model"]) == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "cost_models" / "frameworks").glob("*")), ids=lambda p: p.name
)
def test_takes_every_framework(path):
    assert faults(as_editors_read(path.read_text()), SCHEMAS["framework"]) == []


def test_takes_a_plan_and_the_spec_inside_it():
    plan = json.loads((ROOT / "tests" / "data" / "plan" / "plain.json").read_text())
    assert faults(plan, SCHEMAS["plan"]) == []
    spec = str(ROOT / "tests" / "data" / "explain" / "spec.yaml")
    assert faults(build_case(load_spec(spec)).resolved, SCHEMAS["spec"]) == []


@examples(40)
@given(spec=specs())
def test_takes_every_spec_that_the_reader_takes(spec):
    build_case(spec_from_value(spec, "spec"))
    assert faults(spec, SCHEMAS["spec"]) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rows: 200_000_000", "rows: many"),
        ("rows: 200_000_000", "row: 200_000_000"),
        ("dim: 128, dtype", "dim: 0, dtype"),
        ("dtype: fp16", "dtype: fp8"),
        ("optimizer: rowwise_adagrad", "optimizer: ftrl"),
        ("batch: {global: 16384}", "batch: {global: 0}"),
        ("tables:", "table:"),
    ],
)
def test_finds_what_is_wrong_with_a_spec(old, new):
    text = template_text("minimal")
    assert old in text
    assert faults(as_editors_read(text.replace(old, new)), SCHEMAS["spec"])


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_command_prints_the_schema(subject):
    result = CliRunner().invoke(cli, ["schema", subject])
    assert json.loads(result.stdout) == SCHEMAS[subject]


def test_what_is_described_in_the_models_is_described_in_the_schema():
    table = SCHEMAS["spec"]["definitions"]["TableSpec"]["properties"]
    assert table["dim"]["description"] == "Columns; padded to a multiple of 4."
    assert "row_wise" in SCHEMAS["spec"]["definitions"]["ShardingType"]["enum"]
    assert "dgx-h100" in SCHEMAS["spec"]["properties"]["topology"]["anyOf"][0]["examples"]
