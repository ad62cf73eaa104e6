"""A spec that was read, with where each part of it was written and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from shardplan.diagnostics import Diagnostic
    from shardplan.spec.catalog.reference import Reference
    from shardplan.spec.spec import Spec
    from shardplan.spec.text.document import Document
    from shardplan.spec.text.place import Path


@dataclass(frozen=True, slots=True)
class LoadedSpec:
    """``spec`` has the tables of ``tables_file`` behind its own, and no ``tables_file``."""

    spec: Spec
    document: Document
    base: FilePath
    """The folder that relative paths start at."""
    tables_document: Document | None = None
    """What ``tables_file`` held."""
    own_tables: int = 0
    """How many tables the spec itself holds; the others are of ``tables_document``."""
    matches: tuple[tuple[int, ...], ...] = ()
    """Per constraint, the positions of its tables, rising."""
    faults: tuple[Diagnostic, ...] = ()
    """All that is wrong with it, sorted; where there is anything, no plan can be made."""
    unread: frozenset[str] = frozenset()
    """Keys of the spec that are faulty as a whole, so that ``spec`` has stand-ins for them."""
    topology_at: Path = ("topology",)
    """Where the topology of ``spec`` is written."""
    cost_model_at: Path = ("cost_model",)
    """Where its cost model is."""

    def machine_at(self, number: int) -> Path:
        """Where a machine of ``size`` is written; a single one need not be in a list."""
        at: Path = ("size", "machines")
        return (*at, number) if isinstance(self.document.get(at), list) else at

    def on_machine(self, number: int) -> LoadedSpec:
        """The same on one of the machines of ``size``, its devices in groups yet to be chosen.

        Its cost model is the machine's own; or that of the spec, if the topology is the spec's; or
        the one that the topology names.
        """
        spec, size = self.spec, self.spec.size
        assert size is not None
        offer, at = size.machines[number], self.machine_at(number)
        cost_model, cost_model_at = offer.cost_model, (*at, "cost_model")
        if cost_model is None and _same(offer.topology, spec.topology):
            cost_model, cost_model_at = spec.cost_model, self.cost_model_at
        training = spec.training.model_copy(update={"replicas": size.open_replicas(spec.training)})
        update = {"topology": offer.topology, "cost_model": cost_model, "training": training}
        return replace(
            self,
            spec=spec.model_copy(update=update),
            topology_at=(*at, "topology"),
            cost_model_at=cost_model_at,
        )

    def at_table(
        self, index: int, key: str, message: str, hint: str = "", code: str = "invalid"
    ) -> Diagnostic:
        """A fault of one table, in the file where that table is written."""
        if index < self.own_tables or self.tables_document is None:
            path: Path = ("tables", index, key)
            return self.document.diagnostic(path, message, hint, code)
        path = (index - self.own_tables, key)
        return self.tables_document.diagnostic(path, message, hint, code)


def _same(one: Reference, other: Reference) -> bool:
    """Whether two references mean the same topology, in whatever size."""
    named, other_named = (
        {"name": each} if isinstance(each, str) else {k: v for k, v in each.items() if k != "nodes"}
        for each in (one, other)
    )
    return named == other_named
