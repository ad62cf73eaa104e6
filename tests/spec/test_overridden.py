"""``--set``: values of a command line in place of a spec's own."""

from __future__ import annotations

import pytest

from shardplan.build_case import build_case
from shardplan.errors import InputError
from shardplan.spec.load import load_spec

SPEC = """\
name: small
batch: {global: 4096}
topology: dgx-h100
tables:
  - {name: t_1, rows: 1000, dim: 64}
  - {name: t_2, rows: 2000, dim: 64}
"""


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "spec.yaml"
    file.write_text(SPEC)
    return str(file)


def faults(path, *settings):
    with pytest.raises(InputError) as caught:
        build_case(load_spec(path, settings))
    return [str(fault).splitlines()[0] for fault in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("setting", "of", "value"),
    [
        ("training.pipeline=none", lambda s: s["training"]["pipeline"], "none"),
        ("batch={local: 64}", lambda s: s["batch"], {"local": 64}),
        ("tables.t_1.rows=4e3", lambda s: s["tables"][0]["rows"], 4000),
        ("tables[1].rows=4_000", lambda s: s["tables"][1]["rows"], 4000),
        ("tables.t_2.access.zipf=1.1", lambda s: s["tables"][1]["access"], {"zipf": 1.1}),
        ("topology.nodes=4", lambda s: s["topology"]["nodes"], 4),
        ("topology=zionex", lambda s: s["topology"]["name"], "zionex"),
        ("name=a=b", lambda s: s["name"], "a=b"),
    ],
)
def test_a_value_takes_the_place_of_the_specs_own(path, setting, of, value):
    assert of(build_case(load_spec(path, [setting])).resolved) == value


def test_of_two_values_the_last_counts_and_null_takes_the_default_back(path):
    settings = ["topology=zionex", "topology.nodes=2", "cost_model=h100", "cost_model=null"]
    case = build_case(load_spec(path, settings))
    assert (case.topology.name, case.topology.nodes) == ("zionex", 2)
    assert case.resolved["cost_model"]["name"] == "a100"


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ("training.pipeline=nonne", "--set:1:19: error: training.pipeline: must be one of"),
        ("trainning.pipeline=none", "--set:1:1: error: trainning: unknown key"),
        ("training.pipe=none", "--set:1:10: error: training.pipe: unknown key"),
        ("tables.t_3.rows=5", "--set:1:8: error: tables.t_3.rows: there is no entry 't_3'"),
        ("tables[2].rows=5", "--set:1:7: error: tables[2].rows: there are only 2 entries"),
        ("tables.t_2.rows=many", "--set:1:17: error: tables[1].rows: must be a whole number"),
        ("batch.global.x=5", "--set:1:14: error: batch.global.x: batch.global is 4096"),
        ("topology=nope", "--set:1:10: error: topology: unknown topology 'nope'"),
        ("topology.nodes=0", "--set:1:16: error: topology.nodes: must be a whole number from 1"),
        ("reserve.hbm=", "--set:1:13: error: reserve.hbm: must be a percentage or a size"),
        ("reserve.hbm=[1", "--set:1:15: error: is not valid YAML"),
        ("reserve.hbm=010", "--set:1:13: error: a number must not begin with 0"),
        ("nodes", "--set:1:1: error: nodes: is not path=value"),
        ("=3", "--set:1:1: error: is not path=value"),
        ("t\udcffx=1", "--set:1:2: error: t\\udcffx: the character U+DCFF is not allowed"),
        ("name=a\nb", "--set:1:1: error: name: is not path=value"),
        ("a..b=1", "--set:1:3: error: a..b: a key is missing here"),
        ("batch.=1", "--set:1:6: error: batch.: a path must not end with a dot"),
        (".".join("a" * 30) + "=1", "--set:1:1: error:"),
    ],
)
def test_a_fault_is_told_at_its_place_in_the_text(path, setting, fault):
    assert faults(path, setting)[0].startswith(fault)


def test_a_fault_of_the_spec_itself_keeps_its_line(path):
    with open(path, "a", encoding="utf-8") as file:
        file.write("constraints: 3\n")
    found = faults(path, "training.pipeline=nonne", "tables[0].rows=0", "objective=speed")
    places = [line.split(": error")[0] for line in found]
    assert places[:3] == ["--set:1:19", "--set:2:16", "--set:3:11"]
    assert places[3].endswith("spec.yaml:7:14")


def test_all_texts_that_lead_nowhere_are_told_at_once(path):
    assert len(faults(path, "nodes", "tables.t_3.rows=5", "a..b=1")) == 3


@pytest.fixture
def namesakes(tmp_path):
    """Tables of one name in the module that is the default and in another."""
    file = tmp_path / "namesakes.yaml"
    file.write_text(
        "batch: {local: 64}\n"
        "topology: dgx-h100\n"
        "defaults: {dim: 8, module: deep.ebc}\n"
        "tables:\n"
        "  - {name: item, rows: 1000}\n"
        "  - {name: user, rows: 1000}\n"
        "  - {name: item, rows: 1000, module: seq.16}\n"
    )
    return str(file)


@pytest.mark.parametrize(
    ("name", "position"),
    [("deep.ebc/item", 0), ("user", 1), ("deep.ebc/user", 1), ("seq.16/item", 2)],
)
def test_a_table_is_found_by_its_module_and_name(namesakes, name, position):
    case = build_case(load_spec(namesakes, [f"tables.{name}.rows=5"]))
    rows = [table["rows"] for table in case.resolved["tables"]]
    assert [index for index, each in enumerate(rows) if each == 5] == [position]


def test_a_name_of_several_tables_is_not_enough_to_set_one(namesakes):
    with pytest.raises(InputError) as caught:
        load_spec(namesakes, ["tables.item.rows=5"])
    (fault,) = caught.value.diagnostics
    assert fault.message == "2 entries are called 'item'"
    assert fault.hint == "write deep.ebc/item, seq.16/item"


def test_what_tables_are_called_is_offered_with_modules_where_names_are_not_enough(namesakes):
    with pytest.raises(InputError) as caught:
        load_spec(namesakes, ["tables.x.rows=5"])
    assert caught.value.diagnostics[0].hint == "known: deep.ebc/item, user, seq.16/item"
