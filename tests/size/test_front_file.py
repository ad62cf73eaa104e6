"""The answer's file: written, read back, and refused where it is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from draft07 import faults
from front_cases import front, point

from shardplan.errors import InputError
from shardplan.json_schema import json_schema
from shardplan.size.answer.front_file import front_text, parse_front, read_front

TEXT = front_text(front())
PAGE = Path(__file__).parents[2] / "docs" / "front-file.md"


def test_reads_back_what_was_written_and_writes_the_same_bytes(tmp_path):
    path = tmp_path / "front.json"
    path.write_text(TEXT)
    found = read_front(path)
    assert found == front()
    assert front_text(found) == TEXT


def test_the_schema_takes_it():
    assert faults(json.loads(TEXT), json_schema("front")) == []


def test_the_page_names_every_key():
    written = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", PAGE.read_text()))))
    schema = json_schema("front")
    models = [schema, *schema["definitions"].values()]
    keys = {key for model in models for key in model.get("properties", ())}
    assert keys <= written


def test_keys_of_a_newer_minor_version_are_ignored():
    newer = TEXT.replace('"format_version": "1.0"', '"format_version": "1.7", "colour": "red"')
    assert parse_front(newer, "f").points == front().points


@pytest.mark.parametrize(
    ("old", "new", "where", "message"),
    [
        ('"1.0"', '"2.0"', "front.json:2:", "reads fronts up to format 1.0, not 2.0"),
        ('"format_version": "1.0",', "", "front.json:1:1", "has no format_version"),
        ('"seed": 0', '"seed": -1', "front.json:9:11", "seed"),
        ('"solved": 5', '"solved": "five"', "front.json:11:13", "solved"),
    ],
)
def test_says_where_a_file_is_wrong(old, new, where, message):
    assert old in TEXT
    with pytest.raises(InputError) as raised:
        parse_front(TEXT.replace(old, new, 1), "front.json")
    assert where in str(raised.value)
    assert message in str(raised.value)


def test_a_dominator_that_is_not_on_the_front_is_refused_at_its_place():
    value = json.loads(TEXT)
    value["dominated"][1]["by"]["nodes"] = 3
    with pytest.raises(InputError, match=r"dominated\[1\].by: is no candidate of the front"):
        parse_front(json.dumps(value), "front.json")


def test_what_is_not_dominated_is_not_said_to_be():
    value = json.loads(TEXT)
    value["dominated"][0]["cost_bound"] = 0.1
    with pytest.raises(InputError, match=r"dominated\[0\]: is not dominated .* by cost"):
        parse_front(json.dumps(value), "front.json")


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(InputError, match=r"nowhere.json: error: cannot read the file"):
        read_front("nowhere.json")


def test_points_are_in_the_order_of_their_cost():
    costs = [each.cost for each in front().points]
    assert costs == sorted(costs)


def test_gap_is_over_the_bound():
    assert point("dgx-h100", 1, 3e-3, 2e-3).gap == pytest.approx(0.5)
