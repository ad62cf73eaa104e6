"""What stands in a file or its name cannot steer the terminal that shows it."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from shardplan.diagnostics import Diagnostic
from shardplan.printable import printable

STEERING = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_escapes_and_turns_of_direction_are_spelled_out():
    assert printable("a\x1b[31mb\u202ec\x9b") == "a\\x1b[31mb\\u202ec\\x9b"


def test_text_of_any_script_stays_as_it_is():
    text = "größe 表 таблица → ms µs 🙂\n\tok"
    assert printable(text) == text


@given(st.text())
def test_nothing_that_steers_is_left(text):
    shown = printable(text)
    assert not {c for c in shown if unicodedata.category(c) in STEERING} - {"\n", "\t"}


def test_a_fault_is_printable_whatever_its_file_is_called():
    fault = Diagnostic("\x1b]0;pwned\x07.yaml", 1, 2, "tables[0]", "m\u202e", "h\x00", "s\x1b[2J")
    assert str(fault).isascii()
    assert str(fault).replace("\n", "").isprintable()
