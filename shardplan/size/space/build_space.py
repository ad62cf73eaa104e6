"""From a spec to what is compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.build_case import case_on_machine
from shardplan.errors import InputError
from shardplan.size.space.candidate import Candidate
from shardplan.size.space.offer import Offer
from shardplan.size.space.space import Space
from shardplan.spec.validation.validation import collecting, sort_diagnostics
from shardplan.spec.validation.wording import show

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.case import Case
    from shardplan.diagnostics import Diagnostic
    from shardplan.spec.loaded import LoadedSpec
    from shardplan.spec.sizing.size_spec import SizeSpec

_MOST_CANDIDATES = 200_000


def build_space(loaded: LoadedSpec) -> Space:
    """Look up every machine of the section ``size`` of a spec, and put all candidates in order.

    Raises InputError with all faults of the spec and of what its machines name.
    """
    size, faults = loaded.spec.size, list(loaded.faults)
    if size is None and "size" not in loaded.unread:
        hint = "add a section size with machines; shardplan init --template size writes one"
        faults.append(loaded.document.diagnostic((), "says nothing of size", hint, "missing"))
    offers: list[Offer] = []
    for number in range(len(size.machines) if size else 0):
        with collecting(faults):
            offers.append(_offer(loaded, number, case_on_machine(loaded, number)))
    faults += [] if faults else _namesakes(loaded, offers)
    if faults or size is None:
        raise InputError(sort_diagnostics(dict.fromkeys(faults)))
    found = list(_candidates(offers, size, size.groups_of(loaded.spec.training)))
    if len(found) > _MOST_CANDIDATES:
        message = f"asks about more than {_MOST_CANDIDATES:,} candidates"
        raise InputError([loaded.document.diagnostic(("size",), message, "give fewer nodes")])
    why = [offers[each.offer].problem_with(each.nodes, each.groups, each.batch) for each in found]
    return Space(
        name=loaded.spec.name,
        size=size,
        offers=tuple(offers),
        candidates=tuple(each for each, problem in zip(found, why, strict=True) if not problem),
        excluded=tuple((each, text) for each, text in zip(found, why, strict=True) if text),
    )


def _offer(loaded: LoadedSpec, number: int, case: Case) -> Offer:
    """Raises InputError where the machine cannot be had in any of its numbers of nodes."""
    size = loaded.spec.size
    assert size is not None
    spec = size.machines[number]
    nodes = spec.nodes.numbers if spec.nodes else (case.machine.nodes,)
    problems = [case.machine.file.problem_with(each) for each in nodes]
    if all(problems):
        at = (*loaded.machine_at(number), "nodes")
        raise InputError([loaded.document.diagnostic(at, problems[0], "", "contradiction")])
    return Offer(spec.name or case.machine.file.name, case, spec, nodes)


def _namesakes(loaded: LoadedSpec, offers: Sequence[Offer]) -> Iterator[Diagnostic]:
    """Machines that answers could not tell apart."""
    seen: set[str] = set()
    for number, offer in enumerate(offers):
        if offer.name in seen:
            message = f"another machine is called {show(offer.name)}"
            at = loaded.machine_at(number)
            yield loaded.document.diagnostic(at, message, "give it a name", "duplicate")
        seen.add(offer.name)


def _candidates(
    offers: Sequence[Offer], size: SizeSpec, groups_asked: tuple[int, ...]
) -> Iterator[Candidate]:
    """In order; up to one more than there may be."""
    count = 0
    for number, offer in enumerate(offers):
        of_offer = {
            Candidate(number, batch, groups, nodes)
            for nodes in offer.nodes
            for batch in _batches(offer, size, nodes)
            for groups in groups_asked or _groups(offer, nodes)
        }
        yield from sorted(of_offer)
        count += len(of_offer)
        if count > _MOST_CANDIDATES:
            return


def _batches(offer: Offer, size: SizeSpec, nodes: int) -> Iterator[int]:
    """Samples of one step over all devices of so many nodes."""
    devices = nodes * offer.devices_per_node
    asked = size.batch or (offer.case.spec.batch,)
    yield from (each.global_ or (each.local or 0) * devices for each in asked)


def _groups(offer: Offer, nodes: int) -> tuple[int, ...]:
    """All numbers of groups that devices of so many nodes can be in."""
    devices = nodes * offer.devices_per_node
    machine = offer.case.machine
    divisors = (groups for groups in range(1, devices + 1) if devices % groups == 0)
    return tuple(
        groups
        for groups in divisors
        if groups == 1 or not machine.problem_with(offer.grouping(groups), nodes)
    )
