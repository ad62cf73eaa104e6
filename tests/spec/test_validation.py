"""Pydantic's findings in our own words, at the right lines."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import pytest
from pydantic import Field

from shardplan.errors import InputError
from shardplan.spec.fields.border import Border
from shardplan.spec.fields.quantities import (
    Bytes,
    BytesPerSecond,
    Count,
    Flag,
    Fraction,
    Number,
    Seconds,
)
from shardplan.spec.text.document import read_document
from shardplan.spec.validation.validation import validate


class Colour(StrEnum):
    """Something to choose."""

    RED = "red"
    GREEN = "green"


class Inner(Border):
    """A part."""

    width: Annotated[int, Field(multiple_of=4)] = 4
    colour: Colour = Colour.RED


class Outer(Border):
    """A whole."""

    name: str
    parts: tuple[Inner, ...] = ()
    either: Inner | Count | None = None
    size: Bytes = 0
    rate: BytesPerSecond = 1.0
    latency: Seconds = 0.0
    share: Fraction = 0.0
    count: Count = 1
    number: Number = 0.0
    flag: Flag = False


def faults(text: str) -> list[tuple[int, int, str, str, str]]:
    """Line, column, path, message and hint of each fault."""
    with pytest.raises(InputError) as caught:
        validate(Outer, read_document(text, "s.yaml"))
    return [(d.line, d.column, d.path, d.message, d.hint) for d in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("nam: x", (2, 1, "nam", "unknown key 'nam'", "did you mean 'name'?")),
        ("parts: x", (2, 8, "parts", "must be a list (got 'x')", "put it in brackets: [x]")),
        ("parts: [x]", (2, 9, "parts[0]", "must be a mapping of keys to values (got 'x')",
                         "write its keys below it, or leave it out")),
        ("parts: [{with: 8}]", (2, 10, "parts[0].with", "unknown key 'with'",
                                "did you mean 'width'?")),
        ("parts: [{width: 130}]", (2, 17, "parts[0].width", "must be a multiple of 4 (got 130)",
                                   "did you mean 128 or 132?")),
        ("parts: [{colour: gren}]", (2, 18, "parts[0].colour",
                                     "must be one of red, green (got 'gren')",
                                     "did you mean 'green'?")),
        ("size: 80", (2, 7, "size", "needs a unit (got 80)", "for example 80GiB or 1.5TB")),
        ("size: [1]", (2, 7, "size", "must be a size with a unit (got a list)",
                       "for example 80GiB or 1.5TB")),
        ("size: 80gb", (2, 7, "size", "unknown unit 'gb' of a size (got '80gb')",
                        "did you mean 80GB?")),
        ("rate: 200Gbps", (2, 7, "rate", "unknown unit 'Gbps' of a rate (got '200Gbps')",
                           "did you mean 200Gb/s?")),
        ("latency: 5", (2, 10, "latency", "needs a unit (got 5)", "for example 5us or 4ms")),
        ("share: 15", (2, 8, "share", "must be between 0 and 1, or a percentage (got 15)",
                       "did you mean 15%?")),
        ("count: 0", (2, 8, "count", "must be at least 1 (got 0)", "write 1 or more")),
        ("count: 4.5", (2, 8, "count", "must be a whole number (got 4.5)", "for example 8")),
        ("count: true", (2, 8, "count", "must be a whole number (got true)", "for example 8")),
        ("count: '12'", (2, 8, "count", "must be a whole number (got '12')",
                         "write the number without quotes")),
        ("number: many", (2, 9, "number", "must be a number (got 'many')", "for example 0.5")),
        ("flag: no", (2, 7, "flag", "must be true or false (got 'no')",
                      "write false; YAML 1.2 reads no as text")),
        ("flag: 1", (2, 7, "flag", "must be true or false (got 1)", "write true or false")),
    ],
)  # fmt: skip
def test_each_kind_of_fault_has_our_words_its_place_and_a_hint(line: str, fault: tuple) -> None:
    assert faults(f"name: x\n{line}\n") == [fault]


def test_text_must_be_text() -> None:
    assert faults("name: 12\n") == [(1, 7, "name", "must be text (got 12)", "put it in quotes")]


def test_a_missing_key_is_told_where_it_belongs() -> None:
    assert faults("count: 1\n") == [(1, 1, "name", "is missing", "add 'name' here")]


def test_an_empty_file_must_be_a_mapping() -> None:
    assert faults("")[0][3] == "must be a mapping of keys to values (got nothing)"


def test_the_branches_of_a_union_leave_no_trace_in_the_path() -> None:
    told = faults("name: x\neither: {with: 8}\n")
    assert {f[2] for f in told} == {"either", "either.with"}


def test_all_faults_come_in_the_order_of_the_text() -> None:
    told = faults("flag: 1\nname: 2\ncount: 0\nsize: 1\nzzz: 1\n")
    assert [f[0] for f in told] == [1, 2, 3, 4, 5]


def test_a_part_of_a_document_keeps_its_lines() -> None:
    document = read_document("a:\n  b:\n    - name: 3\n", "s.yaml")
    with pytest.raises(InputError) as caught:
        validate(Outer, document, ("a", "b", 0))
    (fault,) = caught.value.diagnostics
    assert (fault.line, fault.column, fault.path) == (3, 13, "a.b[0].name")


def test_quantities_read_and_write_losslessly() -> None:
    text = "name: x\nsize: 80GiB\nrate: 200Gb/s\nlatency: 5us\nshare: 15%\ncount: 4e7\n"
    read = validate(Outer, read_document(text, "s.yaml"))
    assert (read.size, read.rate, read.latency) == (80 * 2**30, 25e9, 5e-6)
    assert (read.share, read.count) == (0.15, 40_000_000)
    assert Outer.model_validate(read.model_dump(mode="json")) == read


def test_hostile_values_are_shown_short_and_printable() -> None:
    text = '"\\e[31m' + "k" * 5_000 + '": 1\nname: "\\e[31m"\ncount: "' + "9" * 5_000 + '"\n'
    with pytest.raises(InputError) as caught:
        validate(Outer, read_document(text, "s.yaml"))
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 2_000
