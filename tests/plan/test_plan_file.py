import json
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_cases import make_case, make_plan

from shardplan.errors import InputError
from shardplan.plan.file import write as writing
from shardplan.plan.file.read import parse_plan, read_plan
from shardplan.plan.file.write import Renderer, render, write
from shardplan.plan.verify import verify

GOLDEN = Path(__file__).parents[1] / "data" / "plan" / "plain.json"
TEXT = render(make_plan(make_case()))


def test_the_file_is_the_golden_one(plan):
    """Keys, order, layout and digits of the plan file, byte for byte."""
    assert render(plan) == GOLDEN.read_text(encoding="utf-8")


def test_what_is_written_reads_back_equal_and_writes_the_same_bytes(plan, tmp_path):
    write(plan, tmp_path / "plan.json")
    again = read_plan(tmp_path / "plan.json")
    assert again == plan
    assert (tmp_path / "plan.json").read_text(encoding="utf-8") == render(again)


def test_each_shard_each_rank_and_each_table_is_a_line(plan):
    lines = [line for line in render(plan).splitlines() if '"shard_offsets"' in line]
    shards = [shard for module in plan.plan.values() for e in module.values() for shard in e.shards]
    assert len(lines) == len(shards)
    assert all(json.loads(line.rstrip(",")).keys() for line in lines)


def test_reads_any_layout_and_a_byte_order_mark(plan, tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(json.loads(TEXT), indent=1), encoding="utf-8-sig")
    assert read_plan(path) == plan


def test_a_newer_minor_version_with_unknown_keys_is_read(plan):
    value = json.loads(TEXT) | {"format_version": "1.7", "novelty": [1]}
    value["plan"]["a"]["t0"]["shards"][0]["novelty"] = True
    again = parse_plan(json.dumps(value), "plan.json")
    assert again.format_version == "1.7"
    assert again.plan == plan.plan


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '"1.1"',
            '"2.0"',
            "p:2:21: error: format_version: this shardplan reads plans up to format 1.3, not 2.0",
        ),
        ('"1.1"', "1", "p: error: is not a plan: it has a broken format_version"),
        ('"1.1"', '"0.9"', "p: error: is not a plan: it has a broken format_version"),
        ('"1.1"', '"01.1"', "p: error: is not a plan: it has a broken format_version"),
        ('"format_version"', '"f"', "p: error: is not a plan: it has no format_version"),
        (
            '"world_size": 4',
            '"world_size": "4"',
            "p:4:17: error: world_size: must be a whole number (got '4')",
        ),
        (
            '{"hbm": 256000',
            '{"hbm": -1',
            "p:13:118: error: plan.a.t0.shards[0].memory_bytes.hbm: must be at least 0 (got -1)",
        ),
        (
            '"table_wise"',
            '"table_wize"',
            "p:9:26: error: plan.a.t0.sharding_type: must be one of data_parallel, table_wise, "
            "column_wise, row_wise, table_row_wise, table_column_wise, grid_shard, hot_row_wise, "
            "hot_table_wise, hot_column_wise, hot_table_row_wise (got 'table_wize')",
        ),
        ('        "ranks": [3],\n', "", "p:8:13: error: plan.a.t0.ranks: is missing"),
        (
            "[0, 0]",
            "[0]",
            "p:13:29: error: plan.a.t0.shards[0].shard_offsets: ",
        ),
        ('"t0": {', '"t0": {}, "t0": {', "p:8:17: error: plan.a: the key 't0' stands here twice"),
        ('"gap": 0.0999999989', '"gap": NaN', "p: error: is not a plan: NaN is not a number"),
        ('"status": "within_gap"', '"status": 1', "optimality.status: must be one of optimal"),
        ('"plan": {', '"plan": {,', "p:6:12: error: is not JSON: "),
    ],
)
def test_a_broken_file_is_an_input_error_with_its_place(old, new, message):
    assert old in TEXT
    with pytest.raises(InputError) as caught:
        parse_plan(TEXT.replace(old, new, 1), "p")
    assert message in str(caught.value)


def test_all_faults_are_told_at_once():
    text = TEXT.replace('"world_size": 4', '"world_size": 0').replace('"seed": 0', '"seed": "x"')
    with pytest.raises(InputError) as caught:
        parse_plan(text, "p")
    assert [fault.path for fault in caught.value.diagnostics] == ["world_size", "solver.seed"]


@pytest.mark.parametrize("length", [1, 40, 400, len(TEXT) - 3])
def test_a_file_that_is_cut_off_says_so(length):
    with pytest.raises(InputError) as caught:
        parse_plan(TEXT[:length], "p")
    assert caught.value.diagnostics[0].hint == "the file is cut off"


@pytest.mark.parametrize("text", ["[]", "3", "null", "[" * 100_000, '{"a":' * 100_000, "9" * 5000])
def test_what_is_no_plan_at_all_is_an_input_error(text):
    with pytest.raises(InputError):
        parse_plan(text, "p")


def test_a_file_that_is_missing_or_not_text_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="cannot read the file: No such file"):
        read_plan(tmp_path / "none.json")
    (tmp_path / "bytes").write_bytes(b'{"name":\n "\xff\xfe\x00')
    with pytest.raises(InputError, match=r"bytes:2:3: error: is not UTF-8 \(byte 0xff\)"):
        read_plan(tmp_path / "bytes")


def _paths(value, path=()):
    """Every place in a JSON value."""
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _paths(inner, (*path, key))


_PATHS = [path for path in _paths(json.loads(TEXT)) if path]
_VALUES = st.sampled_from(
    [None, True, -1, 0, 1, 3, 10**30, 0.5, 1e300, "", "x", "rank:99/cuda:1", [], [[]], {}]
)


@given(st.lists(st.tuples(st.sampled_from(_PATHS), _VALUES), min_size=1, max_size=3))
def test_no_edit_makes_reading_or_verifying_fail_otherwise_than_by_saying_so(edits):
    value = json.loads(TEXT)
    for path, new in edits:
        _set(value, path, new)
    try:
        messages = verify(parse_plan(json.dumps(value), "p"), make_case())
    except InputError as error:
        messages = error.diagnostics
    assert all(message.message for message in messages)


def _set(value, path, new):
    for part in path[:-1]:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(value, dict) or (isinstance(value, list) and path[-1] in range(len(value))):
        value[path[-1]] = deepcopy(new)


def test_what_two_plans_have_in_common_is_written_down_once(plan, monkeypatch):
    written, renderer = [], Renderer()
    real = writing.member
    monkeypatch.setattr(
        writing, "member", lambda name, value: written.append(name) or real(name, value)
    )
    assert renderer.render(plan) == render(plan)
    claim = plan.optimality.model_copy(update={"gap": 0.5})
    better = plan.model_copy(update={"optimality": claim, "tables": tuple(plan.tables)})
    written.clear()
    text = renderer.render(better)
    assert written == ["optimality"]
    assert text == render(better)
    fewer = better.model_copy(update={"tables": plan.tables[1:]})
    assert renderer.render(fewer) == render(fewer)
