"""Quantities as people write them: ``80GiB``, ``450GB/s``, ``200Gb/s``, ``5us``, ``15%``.

Inside the package a quantity is a number in SI base units; only this module knows the units.
``parse_*`` read a quantity exactly and round once, ``exact_*`` write it so that it reads back as
the same number, ``format_*`` write it for people.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

_NUMBER = re.compile(r"([+-]?(?:\d[\d_]*)?(?:\.\d+)?(?:[eE][+-]?\d{1,3})?)\s*(\D*)", re.ASCII)
_LONGEST = 64
_LONG = 1e15
"""From here on nobody counts the digits of a number."""


class UnitError(ValueError):
    """A quantity that cannot be read; ``hint`` says what to write instead."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class _Dimension:
    noun: str
    units: dict[str, Fraction]
    examples: tuple[str, str]
    most: int
    """The largest quantity that is believed, in the base unit."""
    least: int = 0
    """The smallest but for 0: seconds are bytes over a rate, and stay numbers."""

    @property
    def example_hint(self) -> str:
        return f"for example {self.examples[0]} or {self.examples[1]}"

    @property
    def most_words(self) -> str:
        """The largest quantity, in whole numbers of the largest unit that is no larger."""
        within = {unit: scale for unit, scale in self.units.items() if scale <= self.most}
        unit = max(within, key=lambda each: within[each])
        return f"{int(self.most / within[unit])}{unit}"


_DECIMAL = {p: Fraction(1000) ** i for i, p in enumerate(("", "k", "M", "G", "T", "P", "E"))}
_BINARY = {p: Fraction(1024) ** i for i, p in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)}
_BYTES = {f"{p}B": scale for p, scale in (_DECIMAL | _BINARY | {"K": Fraction(1000)}).items()}
_BITS = {f"{p}b": scale / 8 for p, scale in _DECIMAL.items()}

_SIZE = _Dimension("size", _BYTES, ("80GiB", "1.5TB"), 2**60)
_RATE = _Dimension(
    "rate",
    {f"{unit}/s": scale for unit, scale in (_BYTES | _BITS).items()},
    ("450GB/s", "200Gb/s"),
    10**18,
    1,
)
_TIME = _Dimension(
    "time",
    {
        "s": Fraction(1),
        "ms": Fraction(1, 10**3),
        "us": Fraction(1, 10**6),
        "µs": Fraction(1, 10**6),
        "ns": Fraction(1, 10**9),
        "min": Fraction(60),
        "h": Fraction(3600),
        "d": Fraction(86400),
    },
    ("5us", "4ms"),
    10**7,
)
_SPAN = replace(_TIME, noun="span of training", examples=("12h", "30d"), most=10**9)
"""Years, where a step is never longer than months."""
_SPEED = _Dimension(
    "rate of computing",
    {f"{p}{unit}": scale for p, scale in _DECIMAL.items() for unit in ("FLOPS", "FLOP/s")},
    ("989TFLOPS", "67TFLOP/s"),
    10**21,
    1,
)
_POWER = _Dimension(
    "power", {f"{p}W": scale for p, scale in _DECIMAL.items()}, ("10.2kW", "700W"), 10**9
)


def parse_bytes(text: str) -> int:
    """Read a size such as ``80GiB`` or ``1.5TB``, rounded to whole bytes.

    Raises UnitError.
    """
    return round(_parse(text, _SIZE))


def parse_rate(text: str) -> float:
    """Read a rate such as ``450GB/s`` or ``200Gb/s`` (bits), in bytes per second; more than 0.

    Raises UnitError.
    """
    rate = float(_parse(text, _RATE))
    if rate == 0:
        raise UnitError(f"a rate must be more than 0 (got {text!r})", "leave out what is not there")
    return rate


def parse_flop_rate(text: str) -> float:
    """Read a rate of computing such as ``989TFLOPS``, in operations per second; more than 0.

    Raises UnitError.
    """
    rate = float(_parse(text, _SPEED))
    if rate == 0:
        raise UnitError(f"a rate must be more than 0 (got {text!r})", "leave out what is not there")
    return rate


def parse_seconds(text: str) -> float:
    """Read a time such as ``5us``, ``4ms`` or ``2min``, in seconds.

    Raises UnitError.
    """
    return float(_parse(text, _TIME))


def parse_span(text: str) -> float:
    """Read a span of training such as ``12h`` or ``365d``, in seconds: as ``parse_seconds``, but up
    to some thirty years.

    Raises UnitError.
    """
    return float(_parse(text, _SPAN))


def parse_watts(text: str) -> float:
    """Read a power such as ``10.2kW``. Raises UnitError."""
    return float(_parse(text, _POWER))


def parse_fraction(text: str) -> float:
    """Read a percentage such as ``15%`` as a fraction between 0 and 1.

    Raises UnitError.
    """
    number, unit = _split(text)
    if number is None or unit != "%":
        raise UnitError(f"must be a percentage (got {_shorten(text)})", "for example 15%")
    if not 0 <= number <= 100:
        message = f"must be between 0% and 100% (got {_shorten(text)})"
        raise UnitError(message, "for example 15%")
    return float(number / 100)


def exact_bytes(size_bytes: int) -> str:
    """The shortest text that ``parse_bytes`` reads back as the same size."""
    scales = {u: s for u, s in _BYTES.items() if u != "KB" and Fraction(size_bytes) % s == 0}
    unit = max(scales, key=lambda u: scales[u]) if size_bytes else "B"
    return f"{int(size_bytes / _BYTES[unit])}{unit}"


def exact_rate(bytes_per_second: float) -> str:
    """A text that ``parse_rate`` reads back as the same rate."""
    return _exact(bytes_per_second, _RATE, ("B/s", "MB/s", "GB/s", "TB/s"))


def exact_flop_rate(flop_per_second: float) -> str:
    """A text that ``parse_flop_rate`` reads back as the same rate."""
    return _exact(flop_per_second, _SPEED, ("FLOPS", "GFLOPS", "TFLOPS"))


def exact_seconds(seconds: float) -> str:
    """A text that ``parse_seconds`` reads back as the same time."""
    return _exact(seconds, _TIME, ("s", "ms", "us", "ns"))


def exact_watts(watts: float) -> str:
    """A text that ``parse_watts`` reads back as the same power."""
    return _exact(watts, _POWER, ("W", "kW"))


def exact_fraction(fraction: float) -> str:
    """The shortest percentage that ``parse_fraction`` reads back as the same fraction."""
    percent = Decimal(fraction) * 100
    texts = [f"{percent:.{digits}g}%" for digits in range(1, 18)]
    return min(
        (text for text in texts if parse_fraction(text) == fraction),
        key=lambda text: ("e" in text.lower(), len(text)),
    )


def format_bytes(size_bytes: float) -> str:
    """A size for people: ``80.0 GiB``, ``512 B``."""
    for unit in ("EiB", "PiB", "TiB", "GiB", "MiB", "KiB"):
        if abs(size_bytes) >= _BYTES[unit]:
            return f"{size_bytes / float(_BYTES[unit]):.1f} {unit}"
    return f"{size_bytes:.0f} B"


def format_rate(bytes_per_second: float) -> str:
    """A rate for people, in bytes: ``450 GB/s``."""
    for unit in ("PB", "TB", "GB", "MB", "kB"):
        if abs(bytes_per_second) >= _BYTES[unit]:
            return f"{_three(bytes_per_second / float(_BYTES[unit]))} {unit}/s"
    return f"{_three(bytes_per_second)} B/s"


def format_seconds(seconds: float) -> str:
    """A time for people: ``12.3 s``, ``5.91 ms``, ``120 us``."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if abs(seconds) >= scale:
            return f"{_three(seconds / scale)} {unit}"
    return f"{_three(seconds / 1e-9)} ns" if seconds else "0 s"


def _parse(text: str, dimension: _Dimension) -> Fraction:
    number, unit = _split(text)
    shown = _shorten(text)
    if number is None:
        raise UnitError(f"is not a {dimension.noun} (got {shown})", dimension.example_hint)
    if not unit:
        raise UnitError(f"needs a unit (got {shown})", dimension.example_hint)
    if unit not in dimension.units:
        raise UnitError(
            f"unknown unit {_shorten(unit)} of a {dimension.noun} (got {shown})",
            _unit_hint(text[: -len(unit)].strip(), unit, dimension),
        )
    if number < 0:
        message = f"a {dimension.noun} must not be negative (got {shown})"
        raise UnitError(message, "drop the minus sign")
    quantity = number * dimension.units[unit]
    if quantity > dimension.most:
        message = (
            f"is too large to be a {dimension.noun} (got {shown}, at most {dimension.most_words})"
        )
        raise UnitError(message, "check the unit")
    if 0 < quantity < dimension.least:
        raise UnitError(f"is too small to be a {dimension.noun} (got {shown})", "check the unit")
    return quantity


def _split(text: str) -> tuple[Fraction | None, str]:
    """The number and the unit of a quantity; None where there is no number."""
    stripped = text.strip()
    match = _NUMBER.fullmatch(stripped) if len(stripped) <= _LONGEST else None
    if match is None or not any(c.isdecimal() for c in match[1]):
        return None, ""
    try:
        return Fraction(match[1].replace("_", "")), match[2].strip()
    except ValueError:
        return None, ""


def _unit_hint(number: str, unit: str, dimension: _Dimension) -> str:
    """What the writer of an unknown unit probably meant."""
    if dimension is _RATE and f"{unit.upper()}b/s" in dimension.units:
        return f"did you mean {number}{unit.upper()}B/s, or {number}{unit.upper()}b/s (bits)?"
    spelt = _spelt_out(unit)
    guesses = unit, spelt, f"{spelt}/s", f"{spelt}B", f"{spelt}B/s"
    same = [u for u in guesses if u in dimension.units]
    same += [u for guess in guesses for u in dimension.units if u.lower() == guess.lower()]
    near = same or difflib.get_close_matches(unit, dimension.units, n=1)
    return f"did you mean {number}{near[0]}?" if near else dimension.example_hint


_SPELT = (
    (r"gibi|gigi", "Gi"), (r"tebi", "Ti"), (r"mebi", "Mi"), (r"kibi", "Ki"),
    (r"giga", "G"), (r"tera", "T"), (r"mega", "M"), (r"kilo", "k"),
    (r"bits?|bit", "b"), (r"bytes?", "B"),
    (r"[ _-]*(?:per|/) *s(?:ec(?:onds?)?)?$", "/s"), (r"(?<=[bB])ps$", "/s"),
    (r"^(?:micro|\N{GREEK SMALL LETTER MU}|\N{MICRO SIGN}|u) *s?(?:ec(?:ond)?s?)?$", "us"),
    (r"^(?:milli|m) *s(?:ec(?:ond)?s?)?$", "ms"), (r"^(?:nano|n) *s(?:ec(?:ond)?s?)?$", "ns"),
    (r"(?<=^[kmgtpe])/s$", "B/s"), (r"(?<=^[kmgtpe])be$", "b/s"),
    (r"^sec(?:ond)?s?$", "s"), (r"^m(?:inutes?|ins?)?$", "min"), (r"^h(?:ours?|rs?)$", "h"),
    (r"^days?$", "d"),
)  # fmt: skip
"""Spellings of prefixes and units, each with what is written here; tried in order."""


def _spelt_out(unit: str) -> str:
    """A unit as it would be written here: ``gigabytes`` is ``GB``, ``Gbit/s`` is ``Gb/s``."""
    for pattern, symbol in _SPELT:
        unit = re.sub(pattern, symbol, unit, flags=re.IGNORECASE)
    return unit.replace(" ", "")


def _exact(value: float, dimension: _Dimension, units: tuple[str, ...]) -> str:
    """The shortest text in any of ``units`` that reads back as ``value``; the first is the base."""
    found = [f"{value!r}{units[0]}"]
    for unit in units:
        text = f"{value / float(dimension.units[unit]):.15g}{unit}"
        if "e" not in text and float(_parse(text, dimension)) == value:
            found.append(text)
    return min(found, key=len)


def _three(value: float) -> str:
    """Three significant digits, of sane numbers without an exponent."""
    text = f"{value:.3g}"
    return f"{value:.0f}" if "e" in text and abs(value) < _LONG else text


def _shorten(text: str) -> str:
    return repr(text) if len(text) <= _LONGEST else repr(text[:_LONGEST]) + "..."
