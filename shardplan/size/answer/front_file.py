"""Front -> JSON and back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.plan.file.reviewable_json import reviewable
from shardplan.size.answer.front import FORMAT_VERSION, Front
from shardplan.spec.text.document import read_document

if TYPE_CHECKING:
    from shardplan.spec.text.document import Document


def front_text(front: Front) -> str:
    """The text of the file: the same front gives the same bytes."""
    return reviewable(front.model_dump(mode="json"))


def read_front(path: str | Path) -> Front:
    """Read what ``front_text`` wrote; keys of a newer minor version are ignored.

    Raises InputError with every fault found, each with its line and column.
    """
    file = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        message = f"cannot read the file: {getattr(error, 'strerror', None) or error}"
        raise InputError([Diagnostic(file, 0, 0, "", message, code="front")]) from None
    return parse_front(text, file)


def parse_front(text: str, file: str) -> Front:
    """The front in a text; ``file`` is what messages call it. Raises InputError."""
    document = read_document(text, file)
    _check_version(document)
    return Front.of_document(document)


def _check_version(document: Document) -> None:
    """Refuse what a newer shardplan wrote in a format that this one would misread."""
    value = document.value if isinstance(document.value, dict) else {}
    version = str(value.get("format_version", ""))
    major = version.partition(".")[0]
    if not major.isdecimal():
        hint = f'expected "format_version": "{FORMAT_VERSION}"'
        message = "is no answer of shardplan size: it has no format_version"
        raise InputError([Diagnostic(document.file, 1, 1, "", message, hint, code="front")])
    if int(major) > int(FORMAT_VERSION.partition(".")[0]):
        message = f"this shardplan reads fronts up to format {FORMAT_VERSION}, not {version}"
        hint = "use a newer shardplan, or size again with this one"
        raise InputError([document.diagnostic(("format_version",), message, hint, "version")])
