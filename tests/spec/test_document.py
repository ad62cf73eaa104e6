"""YAML text with marks, and every fault of the text at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import yaml

from shardplan.errors import InputError
from shardplan.spec.text import compose
from shardplan.spec.text.document import Document, read_document, read_file

if TYPE_CHECKING:
    from pathlib import Path


def faults(text: str) -> list[tuple[int, int, str, str, str]]:
    """Line, column, path, message and hint of each fault."""
    with pytest.raises(InputError) as caught:
        read_document(text, "s.yaml")
    return [(d.line, d.column, d.path, d.message, d.hint) for d in caught.value.diagnostics]


def test_values_come_with_their_lines_and_columns() -> None:
    document = read_document("a:\n  - {b: 4e7}\n  - no\n", "s.yaml")
    assert document.value == {"a": [{"b": 4e7}, "no"]}
    assert document.place_of(("a", 0, "b"))[:2] == (2, 9)
    assert document.place_of(("a", 1))[:2] == (3, 5)
    assert document.place_of(("a", 0, "missing"))[:2] == (2, 5)
    assert document.diagnostic(("a", 0, "b"), "m", on_key=True).column == 6


def test_json_is_yaml() -> None:
    text = '{\n\t"a": [1, 2.5, null, true, "no"],\n\t"b": {}\n}'
    assert read_document(text, "s.json").value == {"a": [1, 2.5, None, True, "no"], "b": {}}


def test_an_empty_file_is_nothing() -> None:
    assert read_document("# only a comment\n", "s.yaml").value is None


def test_the_keys_of_a_mapping_from_numbers_are_read_as_they_are_written() -> None:
    assert read_document("a: {65_536: 3.33e9, 2e5: 4}", "s.yaml").value == {
        "a": {"65_536": 3.33e9, "2e5": 4}
    }


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "a: 1\nb: 2\na: 3\n",
            (3, 1, "", "the key 'a' stands here twice",
             "delete one of the two (the first is on line 1)"),
        ),
        ("x:\n  a: &b 1\n", (2, 6, "x.a", "anchors (&) are not allowed", "write the value out")),
        ("a: [*b]\n", (1, 5, "a[0]", "aliases (*) are not allowed", "write the value out")),
        ("<<: {a: 1}\n", (1, 1, "", "merge keys (<<) are not allowed", "write the keys out")),
        ("a: !!str 1\n", (1, 4, "a", "tags (tag:yaml.org,2002:str) are not allowed",
                          "delete the tag")),
        ("a: 1\n---\nb: 1\n", (2, 1, "", "a second document begins here",
                               "keep one document per file")),
        ("a: 1\n2: b\n", (2, 1, "", "a key must be text", 'write it in quotes: "2"')),
        ("? [a]\n: b\n", (1, 3, "", "a key must be text", "")),
        ("{a: 4,500}", (1, 7, "", "a key must be text",
                        'write it in quotes: "500"; or is it part of a number? '
                        "write 40_000_000 for 40,000,000")),
        ("{a: 4,000}", (1, 7, "", "a number must not begin with 0 (got 000)",
                        'write 0 for the number, "000" for text, 40_000_000 for 40,000,000')),
        ("a: [1, {b: .inf}]\n", (1, 12, "a[1].b", ".inf is not a finite number",
                                 "write a finite number")),
        ("a: x\x00y\n", (1, 5, "", "the character U+0000 is not allowed", "delete it")),
        ("a: b: c\n", (1, 5, "",
                       "is not valid YAML: mapping values are not allowed in this context",
                       "put text that contains ': ' in quotes, and check the indentation")),
    ],
)  # fmt: skip
def test_each_kind_of_fault_is_told_with_its_place_and_a_hint(text: str, fault: tuple) -> None:
    assert faults(text) == [fault]


def test_all_faults_are_told_at_once() -> None:
    assert [f[0] for f in faults("a: 010\na: 1\nb: &x 1\nc: *x\n")] == [1, 2, 3, 4]


def test_a_fault_shows_its_line_and_a_caret() -> None:
    with pytest.raises(InputError) as caught:
        read_document("ok: 1\nrows: 010\n", "s.yaml")
    assert str(caught.value).splitlines()[:3] == [
        "s.yaml:2:7: error: rows: a number must not begin with 0 (got 010)",
        "  rows: 010",
        "        ^",
    ]


def test_deep_nesting_is_refused_where_it_begins_to_be_deep() -> None:
    assert faults("[" * 900)[0][:3] == (1, 51, "[0][0][0]...")
    assert "nested more than 50 levels" in faults("a: " + "{a: " * 5_000)[0][3]


def test_nesting_so_deep_that_the_parser_refuses_it_is_told_the_same_way() -> None:
    """libyaml reads ahead, and some of its versions stop at 1,000 levels."""
    line, column, _, message, hint = faults("[" * 100_000)[0]
    assert (line, hint) == (1, "flatten it")
    assert column in {51, 1001}
    assert "nest" in message


def test_an_alias_bomb_costs_nothing() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(
        f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 200)
    )
    started = time.process_time()
    assert len(faults(bomb)) > 200
    assert time.process_time() - started < 5


def test_a_huge_scalar_is_read_and_never_shown_whole() -> None:
    text = f"a: {'x' * 10_000_000}\nb: 010\n"
    assert faults(text)[0][0] == 2
    with pytest.raises(InputError) as caught:
        read_document(f"a: &x {'x' * 10_000_000}\n", "s.yaml")
    assert len(str(caught.value)) < 1_000


def test_the_parser_without_libyaml_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["a: [1, 'no', {b: 4e7}]\n", "a: 010\nb: &x 1\nc: *x\n<<: 3\na: 1\n", "[" * 99]
    with_libyaml = [compose.compose(text) for text in texts]
    monkeypatch.setattr(compose, "_LOADER", yaml.SafeLoader)
    assert [compose.compose(text) for text in texts] == with_libyaml


def test_too_many_faults_end_the_reading() -> None:
    assert len(faults("".join(f"- &a{i} 1\n" for i in range(5_000)))) == 1_000


def test_ten_thousand_tables_are_read_in_seconds() -> None:
    line = "  - {{name: t_{0}, rows: 40_000_000, dim: 128, pooling: 10, access: {{zipf: 1.05}}}}\n"
    text = "tables:\n" + "".join(line.format(i) for i in range(10_000))
    started = time.process_time()
    assert len(read_document(text, "s.yaml").value["tables"]) == 10_000
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        (b"ok: 1\nname: \xff\n", (2, 7), "is not UTF-8 (byte 0xff)"),
        ("a: 1\n".encode("utf-16"), (1, 1), "is not UTF-8 (byte 0xff)"),
    ],
)
def test_a_file_must_be_utf_8(tmp_path: Path, data: bytes, place: tuple, message: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_file(str(path))
    (fault,) = caught.value.diagnostics
    assert (fault.line, fault.column, fault.message) == (*place, message)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: x\n")
    assert read_file(str(path)).value == {"name": "x"}


def test_a_file_of_insane_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    with path.open("wb") as stream:
        stream.write(b" " * (65 * 2**20))
    with pytest.raises(InputError, match="is larger than 64 MiB"):
        read_file(str(path))


def test_a_missing_file_and_a_folder_are_told_plainly(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the file: No such file"):
        read_file(str(tmp_path / "none.yaml"))
    with pytest.raises(InputError, match="cannot read the file: Is a directory"):
        read_file(str(tmp_path))


def test_a_document_without_text_has_no_lines() -> None:
    fault = Document({"a": 1}, "plan.json").diagnostic(("a",), "is wrong")
    assert str(fault) == "plan.json: error: a: is wrong"
