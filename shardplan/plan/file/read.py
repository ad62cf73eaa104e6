"""Plan file -> Plan."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from pydantic import ValidationError

from shardplan.bulk import in_bulk
from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.plan.file.plan import FORMAT_VERSION, Plan
from shardplan.spec.text.document import encoding_fault, read_document, source_line
from shardplan.spec.validation.validation import diagnose

MAX_BYTES = 2**30
"""The largest file that is read: room for 10,000 tables cut into 500 shards each."""
_FIRST_BYTES = 2**20
"""What is read of a file that does not begin like a plan."""
_BYTE_ORDER_MARK = "\ufeff".encode()
_VERSION = re.compile(r"([1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
_SPEC = re.compile(r"^(batch|topology|tables|tables_file):", re.MULTILINE)


def read_plan(path: str | Path) -> Plan:
    """Read a plan file. A newer minor version is accepted, keys unknown here are ignored.

    Raises InputError with every fault found, each with its line and column.
    """
    file = str(path)
    try:
        with Path(path).open("rb") as stream:
            return read_plan_from(stream, file)
    except (OSError, ValueError) as error:
        _fail(file, f"cannot read the file: {getattr(error, 'strerror', None) or error}")


def read_plan_from(stream: BinaryIO, file: str) -> Plan:
    """The plan in a stream; ``file`` is what messages call it.

    Raises InputError, also where the stream does not end after the size of the largest plan.
    """
    return parse_plan(plan_text(stream, file), file)


def plan_text(stream: BinaryIO, file: str) -> str:
    """The text of a plan of any job; raises InputError as ``read_plan_from`` does, but for what the
    text says."""
    try:
        data = stream.read(_FIRST_BYTES)
        if data.lstrip()[:1] in (b"{", _BYTE_ORDER_MARK[:1]):
            data += stream.read(MAX_BYTES + 1 - len(data))
    except (OSError, ValueError) as error:
        _fail(file, f"cannot read the file: {getattr(error, 'strerror', None) or error}")
    if len(data) > MAX_BYTES:
        _fail(file, f"is larger than {MAX_BYTES >> 30} GiB")
    if data.startswith(b"\0"):
        _fail(file, "is not text: it begins with a zero byte")
    if len(data) == _FIRST_BYTES and not data.strip():
        _fail(file, f"is not a plan: it begins with {_FIRST_BYTES >> 20} MiB of blanks")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError([encoding_fault(error, file)]) from None


def parse_plan(text: str, file: str) -> Plan:
    """The plan in a text; ``file`` is what messages call it. Raises InputError."""
    try:
        with in_bulk():
            value = parse_json(text, file)
            check_version(value, text, file)
            if "job" in value:
                message = f"is a plan for {value['job']}, and here one for training is asked for"
                _fail(file, message, "shardplan explain and verify read it")
            return Plan.model_validate_json(text)
    except ValidationError as error:
        # Finding lines takes far longer than reading, so only a faulty file pays for it.
        document = read_document(text, file)
        raise InputError(diagnose(Plan, document, (), error, Plan.of_plain)) from None


def parse_json(text: str, file: str) -> dict[str, Any]:
    """The object in a text; raises InputError."""
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        source = source_line(text.split("\n"), error.lineno, error.colno)
        message = f"is not JSON: {error.msg[0].lower()}{error.msg[1:]}"
        _fail(file, message, _hint(text, error), error.lineno, error.colno, source)
    except RecursionError:
        _fail(file, "is nested too deeply to be a plan")
    except ValueError as error:
        read_document(text, file)  # Says where, for what YAML refuses as well.
        _fail(file, f"is not a plan: {error}")
    if not isinstance(value, dict):
        _fail(file, "is not a plan: expected an object", line=1, column=1)
    return value


def _hint(text: str, error: json.JSONDecodeError) -> str:
    """What a text that is not JSON probably is."""
    if not text.strip():
        return "the file is empty"
    if _SPEC.search(text) and not text.lstrip().startswith("{"):
        return "it looks like a spec, of which shardplan solve makes a plan"
    is_cut = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
    return "the file is cut off" if is_cut else ""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice!r} is written twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def check_version(value: dict[str, Any], text: str, file: str) -> None:
    """Refuse what a newer shardplan wrote in a format that this one would misread."""
    version = value.get("format_version")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        hint = f'expected "format_version": "{FORMAT_VERSION}"'
        message = "has no format_version" if version is None else "has a broken format_version"
        _fail(file, f"is not a plan: it {message}", hint)
    if int(version.split(".")[0]) > int(FORMAT_VERSION.split(".")[0]):
        document = read_document(text, file)
        message = f"this shardplan reads plans up to format {FORMAT_VERSION}, not {version}"
        hint = "use a newer shardplan, or solve again with this one"
        raise InputError([document.diagnostic(("format_version",), message, hint, "version")])


def _fail(
    file: str, message: str, hint: str = "", line: int = 0, column: int = 0, source: str = ""
) -> NoReturn:
    raise InputError([Diagnostic(file, line, column, "", message, hint, source, code="plan")])
