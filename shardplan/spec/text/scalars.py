"""What a plain YAML scalar means: the core schema of YAML 1.2, and no surprises.

``no``, ``on`` and ``12:30`` are text; ``1e9`` and ``40_000_000`` are numbers; what readers of YAML
disagree about (``010``) or what no field can hold (``.inf``) is refused.
"""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool | None

_CONSTANTS: dict[str, Scalar] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]+(\.[0-9]*)?")
_INT = re.compile(r"[-+]?[0-9]+(_[0-9]+)*")
_OCTAL_OR_HEX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(_[0-9]+)*(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,30})\.[0-9]{1,30}")
_NUMERIC_START = frozenset("+-.0123456789")
_LONGEST_NUMBER = 64
GROUPED = "40_000_000 for 40,000,000"
"""What to write for numbers with commas, at which YAML ends a value."""


class ScalarError(ValueError):
    """A scalar that is refused; ``hint`` says what to write instead."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def resolve(text: str) -> Scalar:
    """The value of an unquoted scalar.

    Raises ScalarError where the text is a number that could surprise.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _NUMERIC_START:
        return text
    # As almost all numbers are written; what follows takes several times as long.
    if text[0] != "0" and len(text) <= _LONGEST_NUMBER and text.isascii() and text.isdecimal():
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    if _NOT_FINITE.fullmatch(text):
        raise ScalarError(f"{text} is not a finite number", "write a finite number")
    if len(text) > _LONGEST_NUMBER:
        return _long(text)
    if _LEADING_ZERO.fullmatch(text):
        raise ScalarError(f"a number must not begin with 0 (got {text})", _zero_hint(text))
    if _INT.fullmatch(text):
        return int(text)
    if _OCTAL_OR_HEX.fullmatch(text):
        return int(text, 0)
    return _float(text) if _FLOAT.fullmatch(text) else text


def _float(text: str) -> float:
    value = float(text.replace("_", ""))
    if not math.isfinite(value):
        raise ScalarError(f"{text} is too large for a number", "write a smaller number")
    return value


def _long(text: str) -> str:
    """Text is text at any length; a number of this many digits is a mistake."""
    if _FLOAT.fullmatch(text):
        raise ScalarError(f"a number of {len(text)} characters", "write fewer digits")
    return text


def _zero_hint(text: str) -> str:
    """``010`` is 8 to YAML 1.1, 10 to YAML 1.2, and may have been meant as text."""
    digits = text.lstrip("+-").lstrip("0_") or "0"
    digits = f"0{digits}" if digits.startswith(".") else digits
    octal = digits.replace("_", "")
    readings = [f"{digits} for the number"]
    if all(c in "01234567" for c in octal) and octal != "0":
        readings.append(f"0o{octal} for octal ({int(octal, 8)}, as YAML 1.1 reads it)")
    readings.append(f'"{text}" for text')
    if text == "000":  # What follows a comma in a number, mostly.
        readings.append(GROUPED)
    return "write " + ", ".join(readings)
