"""Tables from a YAML file: the key ``tables`` of a spec, alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shardplan.errors import InputError
from shardplan.spec.text.document import Document, read_document, read_text
from shardplan.spec.text.place import NOWHERE

if TYPE_CHECKING:
    from pathlib import Path as FilePath


def read_yaml(path: FilePath) -> Document:
    """What stands under ``tables``, with the line and column of every value.

    Raises InputError with every fault of the text, and where it holds anything else.
    """
    document = read_document(read_text(path, str(path)), str(path))
    value = document.value
    if not isinstance(value, dict) or not isinstance(value.get("tables"), list):
        message = "holds no tables"
        raise InputError([document.diagnostic((), message, "write tables: and a list of them")])
    if others := [key for key in value if key != "tables"]:
        hint = "a file of tables has the key tables alone; write the others in the spec"
        raise InputError(
            [
                document.diagnostic((key,), "does not belong here", hint, on_key=True)
                for key in others
            ]
        )
    place = document.place.child("tables") or NOWHERE
    return replace(document, value=value["tables"], place=place)
