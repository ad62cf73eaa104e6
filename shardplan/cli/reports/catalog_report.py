"""Topologies, cost models and frameworks -> Report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shardplan.cli.reports.figures import figures_section, provenance_words
from shardplan.cost.select import read_cost_model, read_framework
from shardplan.explain.report.report import Column, Grid, Report, Section
from shardplan.explain.words import words
from shardplan.spec.catalog.catalog import Kind, names
from shardplan.spec.catalog.source import named_source
from shardplan.spec.validation.validation import validate
from shardplan.topology.build_topology import build_topology
from shardplan.topology.collective import Collective, Scope
from shardplan.topology.schema import TopologyFile
from shardplan.units import format_bytes, format_rate

if TYPE_CHECKING:
    from shardplan.cost.framework.framework_file import FrameworkFile
    from shardplan.cost.profile.profile_file import ProfileFile
    from shardplan.cost.torchrec.file import TorchRecFile
    from shardplan.topology.topology import Topology


def topologies_report() -> Report:
    """One line per topology of the catalog."""
    columns = (
        Column("name", is_name=True),
        Column("devices", True),
        Column("HBM", True),
        Column("scale-up", is_prose=True, spare=1),
        Column("NICs", spare=2),
        Column("cost model", spare=3),
        Column("figures", is_list=True, spare=4),
        Column("what", is_prose=True),
    )
    files = [_topology_file(name) for name in names(Kind.TOPOLOGY)]
    rows = tuple(
        (
            file.name,
            f"{file.nodes} x {file.devices_per_node}",
            format_bytes(file.device.hbm.capacity.value),
            _scale_up(file),
            f"{file.nics.count} x {format_rate(file.nics.rate.value)}" if file.nics else "-",
            file.cost_model,
            provenance_words(figure.provenance for _, figure in file.figures()),
            file.description,
        )
        for file in files
    )
    meaning = "devices: nodes x devices per node, any number of nodes with {name: ..., nodes: N}"
    return Report("Topologies", (Section("Presets", meaning, Grid(columns, rows)),))


def topology_report(name: str, nodes: int | None) -> Report:
    """One topology: its figures, and the link that each collective waits for."""
    file = _topology_file(name)
    topology = build_topology(file, nodes)
    title = (
        f"{file.name}: {file.description or 'a topology'}; {words.plural(topology.nodes, 'node')} "
        f"of {topology.devices_per_node}, cost model {file.cost_model}"
        + (f" (borrowed: {file.borrows})" if file.borrows else "")
    )
    sections = [figures_section(file.figures(), file.sources), _bottlenecks(topology)]
    larger = 2 * file.domain_nodes
    if nodes is None and topology.nodes < larger and not file.problem_with(larger):
        sections.append(_bottlenecks(build_topology(file, larger)))
    sections.append(_origin(Kind.TOPOLOGY, name))
    return Report(title, tuple(sections))


def cost_models_report() -> Report:
    """One line per cost model of the catalog."""
    columns = (
        Column("name", is_name=True),
        Column("kind"),
        Column("figures", is_list=True, spare=1),
        Column("what", is_prose=True),
    )
    files = [_cost_model_file(name) for name in names(Kind.COST_MODEL)]
    rows = tuple(
        (
            file.name,
            file.kind,
            provenance_words(figure.provenance for _, figure in file.figures()),
            file.description,
        )
        for file in files
    )
    return Report("Cost models", (Section("Profiles", grid=Grid(columns, rows)),))


def cost_model_report(name: str) -> Report:
    """One cost model: its figures."""
    file = _cost_model_file(name)
    title = f"{file.name}: {file.description or 'a cost model'} ({file.kind})"
    origin = _origin(Kind.COST_MODEL, name)
    return Report(title, (figures_section(file.figures(), file.sources), origin))


def frameworks_report() -> Report:
    """One line per framework of the catalog."""
    columns = (
        Column("name", is_name=True),
        Column("devices"),
        Column("adds to", is_list=True, spare=2),
        Column("figures", is_list=True, spare=1),
        Column("what", is_prose=True),
    )
    files = [_framework_file(name) for name in names(Kind.FRAMEWORK)]
    rows = tuple(
        (
            file.name,
            file.devices.value,
            ", ".join(file.terms),
            provenance_words(figure.provenance for _, figure in file.figures()),
            file.description,
        )
        for file in files
    )
    return Report("Frameworks", (Section("Profiles", grid=Grid(columns, rows)),))


def framework_report(name: str) -> Report:
    """One framework: its figures."""
    file = _framework_file(name)
    title = f"{file.name}: {file.description or 'a framework'} ({file.devices})"
    origin = _origin(Kind.FRAMEWORK, name)
    return Report(title, (figures_section(file.figures(), file.sources), origin))


def _origin(kind: Kind, name: str) -> Section:
    """Which file it is: curves are too long to be shown, and a copy is how a new one begins."""
    return Section("File", remarks=(named_source(kind, name, Path()).document.file,))


def _topology_file(name: str) -> TopologyFile:
    return validate(TopologyFile, named_source(Kind.TOPOLOGY, name, Path()).document)


def _cost_model_file(name: str) -> ProfileFile | TorchRecFile:
    return read_cost_model(named_source(Kind.COST_MODEL, name, Path()))


def _framework_file(name: str) -> FrameworkFile:
    return read_framework(named_source(Kind.FRAMEWORK, name, Path()))


def _scale_up(file: TopologyFile) -> str:
    if not file.scale_up:
        return "-"
    return f"{file.scale_up.kind} {format_rate(file.scale_up.bandwidth.value)}"


def _bottlenecks(topology: Topology) -> Section:
    """What each collective over all devices waits for."""
    columns = (
        Column("collective"),
        Column("waits for", is_prose=True),
        Column("link rate", True),
        Column("per device", True),
    )
    rows = tuple(
        row for collective in Collective if (row := _bottleneck(topology, collective)) is not None
    )
    title = f"Bottlenecks on {words.plural(topology.nodes, 'node')}"
    if not rows:
        return Section(title, remarks=("none: one device exchanges nothing",))
    meaning = "over all devices; per device: its buffer over the time at full link rate"
    return Section(title, meaning, Grid(columns, rows))


def _bottleneck(topology: Topology, collective: Collective) -> tuple[str, ...] | None:
    link = topology.bottleneck(collective, Scope.ALL)
    if link is None:
        return None
    levels = topology.route(collective, Scope.ALL)
    seconds_per_byte = max(level.bytes_share / level.bytes_per_second for level in levels)
    return (
        collective.value,
        str(link),
        format_rate(link.bytes_per_second),
        format_rate(1 / seconds_per_byte),
    )
