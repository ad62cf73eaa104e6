"""Plain scalars mean what YAML 1.2 says, or are refused."""

from __future__ import annotations

import pytest

from shardplan.spec.text.scalars import ScalarError, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e9", 1e9),
        ("4e7", 4e7),
        ("40_000_000", 40_000_000),
        ("1_000.5", 1000.5),
        ("-3", -3),
        ("0x1F", 31),
        ("0o10", 8),
        (".5", 0.5),
        ("0", 0),
        ("0.5", 0.5),
        ("true", True),
        ("", None),
        ("~", None),
    ],
)
def test_numbers_and_constants(text: str, value: object) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


@pytest.mark.parametrize(
    "text",
    ["no", "off", "on", "yes", "12:30:45", "1__0", "_1", "2024-01-02", "1.2.3", "-", "80GiB"],
)
def test_what_yaml_1_1_would_convert_stays_text(text: str) -> None:
    assert resolve(text) == text


def test_a_leading_zero_is_refused_with_all_its_readings() -> None:
    with pytest.raises(ScalarError) as caught:
        resolve("010")
    assert str(caught.value) == "a number must not begin with 0 (got 010)"
    assert caught.value.hint == (
        'write 10 for the number, 0o10 for octal (8, as YAML 1.1 reads it), "010" for text'
    )


@pytest.mark.parametrize("text", [".inf", "-.INF", ".nan", "1e400", "9" * 65, "08", "00.5"])
def test_numbers_that_no_field_can_hold_are_refused(text: str) -> None:
    with pytest.raises(ScalarError):
        resolve(text)
