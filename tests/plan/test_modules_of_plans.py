"""What plans state of modules that are no plain bags."""

import json

import pytest
from random_specs import TOPOLOGY, build

from shardplan.errors import InputError
from shardplan.plan.file.fingerprint import fingerprint_of_job
from shardplan.plan.file.read import parse_plan
from shardplan.plan.file.write import render
from shardplan.plan.stated import stated_faults
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.workload.collection import POOLED, Collection, CollectionKind


def solved(modules):
    spec = {
        "name": "kinds",
        "batch": {"local": 8},
        "topology": TOPOLOGY | {"nodes": 1, "devices_per_node": 2},
        "tables": [
            {"name": "a", "rows": 100, "dim": 16, "module": "history"},
            {"name": "b", "rows": 100, "dim": 16, "module": "ebc"},
        ],
        "constraints": [{"tables": "*", "sharding": ["table_wise"]}],
    }
    made = build(spec | ({"modules": modules} if modules else {}))
    return make_plan(made, Settings("greedy"), Reporter())


@pytest.fixture(scope="module")
def sequences():
    return solved({"history": {"kind": "sequence", "dedup": True}})


def test_a_plan_says_of_modules_what_its_spec_says_and_reads_back(sequences):
    value = json.loads(render(sequences))
    assert value["format_version"] == "1.2"
    assert value["modules"] == {
        "history": {"kind": "sequence", "pooled": False, "dedup": True, "output_dtype": "fp32"}
    }
    again = parse_plan(render(sequences), "plan.json")
    assert again.collection_of("history") == Collection(CollectionKind.SEQUENCE, False, True)
    assert again.collection_of("ebc") == POOLED
    assert not list(stated_faults(again))


def test_a_plan_of_plain_bags_is_written_as_before():
    value = json.loads(render(solved({"ebc": {"kind": "bag"}})))
    assert value["format_version"] == "1.1"
    assert "modules" not in value


def test_a_plan_that_says_otherwise_than_its_spec_is_found_out(sequences):
    """Executors refuse it, and a measurement of the one is none of the other."""
    value = json.loads(render(sequences))
    value["modules"]["history"]["dedup"] = False
    edited = parse_plan(json.dumps(value), "plan.json")
    (finding,) = stated_faults(edited)
    assert (finding.where, finding.message) == (
        "modules.history.dedup",
        "is false; by the spec it is true",
    )
    assert fingerprint_of_job(edited) != fingerprint_of_job(sequences)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pooled": True, "dedup": False}, "a module of the kind sequence does not pool"),
        ({"kind": "bag"}, "a module of the kind bag pools"),
        ({"kind": "managed_collision", "pooled": True}, "only ids of collections"),
    ],
)
def test_traits_that_contradict_each_other_are_refused(sequences, change, message):
    value = json.loads(render(sequences))
    value["modules"]["history"] |= change
    with pytest.raises(InputError, match=message):
        parse_plan(json.dumps(value), "plan.json")
