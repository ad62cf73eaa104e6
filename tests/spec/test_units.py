"""Quantities as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardplan import units


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("80GiB", 80 * 2**30),
        ("1.5TB", 1_500_000_000_000),
        ("0B", 0),
        ("12 MiB", 12 * 2**20),
        ("40_000kB", 40_000_000),
        ("1e3KB", 1_000_000),
    ],
)
def test_sizes_are_read_exactly(text: str, size: int) -> None:
    assert units.parse_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "rate"), [("450GB/s", 450e9), ("200Gb/s", 25e9), ("3.35TB/s", 3.35e12), ("8b/s", 1.0)]
)
def test_a_small_b_is_a_bit(text: str, rate: float) -> None:
    assert units.parse_rate(text) == rate


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5us", 5e-6), ("5µs", 5e-6), ("4ms", 4e-3), ("2min", 120.0), ("1d", 86_400.0), ("0s", 0)],
)
def test_times_are_read_exactly(text: str, seconds: float) -> None:
    assert units.parse_seconds(text) == seconds


def test_a_span_of_training_may_be_years() -> None:
    assert units.parse_span("365d") == 365 * 86_400.0


@pytest.mark.parametrize(
    ("parse", "text", "message", "hint"),
    [
        (units.parse_bytes, "80", "needs a unit (got '80')", "for example 80GiB or 1.5TB"),
        (units.parse_bytes, "80gib", "unknown unit 'gib'", "did you mean 80GiB?"),
        (units.parse_bytes, "80Gib", "unknown unit 'Gib'", "did you mean 80GiB?"),
        (units.parse_bytes, "-1GiB", "must not be negative", "drop the minus sign"),
        (units.parse_bytes, "9e99GiB", "too large", "check the unit"),
        (units.parse_bytes, "lots", "is not a size (got 'lots')", "for example 80GiB"),
        (units.parse_bytes, "", "is not a size", "for example 80GiB"),
        (units.parse_bytes, "1e999999999GiB", "is not a size", "for example"),
        (units.parse_seconds, "365d", "(got '365d', at most 115d)", "check the unit"),
        (units.parse_span, "100000d", "at most 11574d", "check the unit"),
        (units.parse_rate, "200Gb", "unknown unit 'Gb'", "did you mean 200Gb/s?"),
        (units.parse_rate, "200Gbps", "unknown unit 'Gbps'", "did you mean 200Gb/s?"),
        (units.parse_rate, "0GB/s", "must be more than 0", ""),
        (units.parse_rate, "1e-300GB/s", "too small to be a rate", "check the unit"),
        (units.parse_seconds, "5uS", "unknown unit 'uS'", "did you mean 5us?"),
        (units.parse_fraction, "115%", "between 0% and 100%", ""),
        (units.parse_fraction, "15", "must be a percentage", "for example 15%"),
    ],
)
def test_what_cannot_be_read_comes_with_a_hint(parse, text, message, hint) -> None:
    with pytest.raises(units.UnitError) as caught:
        parse(text)
    assert message in str(caught.value)
    assert hint in caught.value.hint


@given(st.integers(0, 2**60))
def test_exact_sizes_read_back_as_themselves(size: int) -> None:
    assert units.parse_bytes(units.exact_bytes(size)) == size


@given(st.floats(1, 1e17))
def test_exact_rates_read_back_as_themselves(rate: float) -> None:
    assert units.parse_rate(units.exact_rate(rate)) == rate


@given(st.floats(0, 1e6, allow_subnormal=False))
def test_exact_times_read_back_as_themselves(seconds: float) -> None:
    assert units.parse_seconds(units.exact_seconds(seconds)) == seconds


@given(st.floats(0, 1))
def test_exact_percentages_read_back_as_themselves(fraction: float) -> None:
    assert units.parse_fraction(units.exact_fraction(fraction)) == fraction


def test_exact_texts_are_as_short_as_people_write_them() -> None:
    assert units.exact_bytes(80 * 2**30) == "80GiB"
    assert units.exact_bytes(1_500_000_000_000) == "1500GB"
    assert units.exact_rate(450e9) == "450GB/s"
    assert units.exact_seconds(5e-6) == "5us"
    assert units.exact_fraction(0.1) == "10%"


def test_formats_for_people() -> None:
    assert units.format_bytes(80 * 2**30) == "80.0 GiB"
    assert units.format_bytes(512) == "512 B"
    assert units.format_rate(25e9) == "25 GB/s"
    assert units.format_seconds(0.00591) == "5.91 ms"
    assert units.format_seconds(1234.5) == "1234 s"
    assert units.format_seconds(0) == "0 s"


@pytest.mark.parametrize(
    ("parse", "written", "meant"),
    [
        (units.parse_bytes, "80G", "80GB"),
        (units.parse_bytes, "80g", "80GB"),
        (units.parse_bytes, "80Gi", "80GiB"),
        (units.parse_bytes, "80 gigabytes", "80GB"),
        (units.parse_bytes, "80gibibytes", "80GiB"),
        (units.parse_bytes, "2 TBs", "2TB"),
        (units.parse_rate, "450GB", "450GB/s"),
        (units.parse_rate, "450GBps", "450GB/s"),
        (units.parse_rate, "450G/s", "450GB/s"),
        (units.parse_rate, "450 GB per second", "450GB/s"),
        (units.parse_rate, "200Gbit/s", "200Gb/s"),
        (units.parse_rate, "400GbE", "400Gb/s"),
        (units.parse_rate, "400G", "400GB/s, or 400Gb/s (bits)"),
        (units.parse_seconds, "5usec", "5us"),
        (units.parse_seconds, "5 \N{GREEK SMALL LETTER MU}s", "5us"),
        (units.parse_seconds, "5 microseconds", "5us"),
        (units.parse_seconds, "4msecs", "4ms"),
        (units.parse_seconds, "30sec", "30s"),
        (units.parse_seconds, "5m", "5min"),
        (units.parse_seconds, "2 hours", "2h"),
    ],
)
def test_units_that_are_spelt_otherwise_are_known(parse, written, meant) -> None:
    with pytest.raises(units.UnitError) as caught:
        parse(written)
    assert caught.value.hint == f"did you mean {meant}?"
    for text in meant.removesuffix(" (bits)").split(", or "):
        parse(text)
