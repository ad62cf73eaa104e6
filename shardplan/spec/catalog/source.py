"""Where the topology, cost model and framework of a spec are written, ready to be validated."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shardplan.errors import InputError
from shardplan.spec.catalog.catalog import Kind, find
from shardplan.spec.catalog.reference import Reference, is_inline
from shardplan.spec.text.document import Document, read_document
from shardplan.spec.validation.wording import show

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from shardplan.spec.loaded import LoadedSpec
    from shardplan.spec.text.place import Path

_LONGEST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Source:
    """A document, or a part of one, that describes a topology, a cost model or a framework."""

    name: str
    document: Document
    at: Path = ()
    """Where in the document it stands."""
    nodes: int | None = None
    """How many nodes the spec asks of a preset; None leaves it to the preset."""

    @property
    def value(self) -> Any:
        """The plain value, not yet validated."""
        return self.document.get(self.at)

    @property
    def sha256(self) -> str:
        """Of the value in canonical JSON, which neither comments nor layout change."""
        canonical = json.dumps(self.value, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def topology_source(loaded: LoadedSpec) -> Source:
    """The topology of a spec; raises InputError at the spec's line where there is none."""
    return _source(loaded, Kind.TOPOLOGY, loaded.topology_at, loaded.spec.topology)


def cost_model_source(loaded: LoadedSpec, default_name: str) -> Source:
    """The cost model of a spec, or the one called ``default_name`` where the spec names none.

    Raises InputError, at the spec's line where the spec names it.
    """
    reference = loaded.spec.cost_model
    written = default_name if reference is None else reference
    return _source(loaded, Kind.COST_MODEL, loaded.cost_model_at, written)


def framework_source(loaded: LoadedSpec) -> Source | None:
    """The framework of a spec, None where it names none; raises InputError at the spec's line."""
    reference = loaded.spec.training.framework
    if reference is None:
        return None
    return _source(loaded, Kind.FRAMEWORK, ("training", "framework"), reference)


def named_source(kind: Kind, name: str, base: FilePath, nodes: int | None = None) -> Source:
    """A topology, cost model or framework by name or path; raises InputError."""
    entry = find(kind, name, base)
    return Source(entry.name, read_document(entry.text, entry.file), (), nodes)


def _source(loaded: LoadedSpec, kind: Kind, at: Path, reference: Reference) -> Source:
    key = str(at[-1])
    if not isinstance(reference, str) and is_inline(reference, key):
        name = reference.get("name")
        return Source(name if isinstance(name, str) else key, loaded.document, at)
    written, nodes = str(reference), None
    if not isinstance(reference, str):
        how = "name" if "name" in reference else "path"
        at, written, nodes = (*at, how), str(reference[how]), reference.get("nodes")
    name = _as_path(written, at[-1])
    try:
        return named_source(kind, name, loaded.base, None if nodes is None else int(nodes))
    except InputError as error:
        fault = error.diagnostics[0]
        if fault.line:
            raise
        message = fault.message.replace("the file", _printable(written))
        raise InputError(
            [loaded.document.diagnostic(at, message, fault.hint, fault.code)]
        ) from None


def _as_path(text: str, how: str | int) -> str:
    """What was given as a path stays one, also without a ``/``."""
    return f"./{text}" if how == "path" and "/" not in text else text


def _printable(text: str) -> str:
    return text if text.isprintable() and len(text) <= _LONGEST_SHOWN else show(text)
