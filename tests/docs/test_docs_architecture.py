"""docs/architecture.md against the code: the rooms, and who imports whom."""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

import pytest
from doc_pages import ROOT, codes, table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGE = ROOT / "shardplan"
PAGE = ROOT / "docs" / "architecture.md"
OUTSIDE = {"__init__", "__main__"}
"""The face and the entry point stand above the table."""
MOST_MODULES = 15
MOST_LINES = 130

Graph = dict[str, set[str]]


@dataclass(frozen=True)
class Import:
    """One import statement: of a module of the project or of a library."""

    importer: str
    imported: str
    is_for_types: bool

    @property
    def library(self) -> str:
        """The library; empty for the project's own modules and the standard library."""
        top = self.imported.partition(".")[0]
        return "" if top == "shardplan" or top in sys.stdlib_module_names else top


def module_of(file: Path) -> str:
    """``shardplan.plan.verify``; of a package's ``__init__`` the package."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """``shardplan.plan.verify`` -> ``plan``; of the package itself ``__init__``."""
    return [*module.split("."), "__init__"][1]


@cache
def files() -> tuple[Path, ...]:
    return tuple(sorted(PACKAGE.rglob("*.py")))


@cache
def modules() -> frozenset[str]:
    return frozenset(map(module_of, files()))


def imports_of(file: Path) -> Iterator[Import]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    importer = module_of(file)
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            for one in node.names:
                inner = f"{node.module}.{one.name}"
                imported = inner if inner in modules() else str(node.module)
                yield Import(importer, imported, id(node) in for_types)
        elif isinstance(node, ast.Import):
            yield from (Import(importer, one.name, id(node) in for_types) for one in node.names)


@cache
def all_imports() -> tuple[Import, ...]:
    return tuple(one for file in files() for one in imports_of(file))


def between_rooms() -> Graph:
    """Room to the rooms that it imports, types included."""
    graph: Graph = defaultdict(set)
    for one in all_imports():
        if one.imported.split(".")[0] == "shardplan" and room_of(one.importer) not in OUTSIDE:
            graph[room_of(one.importer)] |= {room_of(one.imported)} - {room_of(one.importer)}
    return graph


def libraries_of(room: str) -> set[str]:
    mine = (one for one in all_imports() if room_of(one.importer) == room)
    return {one.library for one in mine} - {""}


@dataclass(frozen=True)
class Room:
    """A row of the page."""

    layer: int
    name: str
    is_module: bool
    libraries: frozenset[str]


def rooms() -> list[Room]:
    found = []
    for layer, name, _, libraries in table(PAGE, "layer").rows:
        written = codes(name)[0]
        listed = frozenset(filter(None, libraries.split(", ")))
        bare = written.removesuffix(".py").rstrip("/")
        found.append(Room(int(layer), bare, written.endswith(".py"), listed))
    return found


def circle_in(graph: Graph) -> str:
    """Names that import each other in a circle; empty where there is none."""
    order = TopologicalSorter({one: others - {one} for one, others in graph.items()})
    try:
        order.prepare()
    except ValueError as error:
        return " -> ".join(error.args[1])
    return ""


def test_every_room_and_module_has_its_row() -> None:
    listed = [(room.name, room.is_module) for room in rooms()]
    folders = {(folder.parent.name, False) for folder in PACKAGE.glob("*/__init__.py")}
    single = {(file.stem, True) for file in PACKAGE.glob("*.py") if file.stem not in OUTSIDE}
    assert len(listed) == len(set(listed))
    assert set(listed) == folders | single


@pytest.mark.parametrize("room", rooms(), ids=lambda room: room.name)
def test_a_room_imports_lower_layers_alone(room: Room) -> None:
    """Single modules of one layer may know each other."""
    allowed = {
        other.name
        for other in rooms()
        if other.layer < room.layer
        or (other.layer == room.layer and other.is_module and room.is_module)
    }
    assert between_rooms()[room.name] <= allowed


@pytest.mark.parametrize("room", rooms(), ids=lambda room: room.name)
def test_a_room_imports_the_libraries_of_its_row(room: Room) -> None:
    assert libraries_of(room.name) == room.libraries


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph: Graph = defaultdict(set)
    for one in all_imports():
        if not one.is_for_types and one.imported in modules():
            graph[one.importer].add(one.imported)
    assert circle_in(graph) == ""


@pytest.mark.parametrize(
    "folder",
    [file.parent for file in files() if file.name == "__init__.py" and file.parent != PACKAGE],
    ids=lambda folder: str(folder.relative_to(PACKAGE)),
)
def test_no_folders_of_a_room_import_each_other_in_a_circle(folder: Path) -> None:
    """Types included: of any two, one comes first."""
    inside = f"{module_of(folder / '__init__.py')}."
    families = {child.name for child in folder.iterdir() if (child / "__init__.py").exists()}
    graph: Graph = defaultdict(set)
    for one in all_imports():
        if one.importer.startswith(inside) and one.imported.startswith(inside):
            importer, imported = (
                name.removeprefix(inside).split(".")[0] for name in (one.importer, one.imported)
            )
            if {importer, imported} <= families:
                graph[importer].add(imported)
    assert circle_in(graph) == ""


@pytest.mark.parametrize(("package", "listed"), table(PAGE, "inside").rows)
def test_folders_import_those_named_before_them_alone(package: str, listed: str) -> None:
    inside = f"shardplan.{codes(package)[0].rstrip('/')}."
    order = codes(listed)
    folder = ROOT / inside.replace(".", "/")
    assert sorted(order) == sorted(file.parent.name for file in folder.glob("*/__init__.py"))
    for one in all_imports():
        if one.importer.startswith(inside) and one.imported.startswith(inside):
            importer, imported = (
                name.removeprefix(inside).split(".")[0] for name in (one.importer, one.imported)
            )
            if {importer, imported} <= set(order):
                assert order.index(imported) <= order.index(importer), one


@pytest.mark.parametrize(
    "folder",
    sorted({file.parent for file in files()} - {PACKAGE}),
    ids=lambda folder: str(folder.relative_to(PACKAGE)),
)
def test_no_folder_is_too_full(folder: Path) -> None:
    assert len({file.name for file in folder.glob("*.py")} - {"__init__.py"}) <= MOST_MODULES


def test_the_solver_knows_nothing_of_tables_yaml_or_pydantic() -> None:
    assert between_rooms()["solve"] <= {"errors"}
    assert not libraries_of("solve") & {"yaml", "pydantic", "click", "rich", "networkx"}


def test_the_executor_sees_of_the_planner_little_but_the_plan() -> None:
    """And the names of the phases, which it measures."""
    known = {"plan", "sharding", "topology", "workload", "cost", "model"}
    lowest = {room.name for room in rooms() if room.layer == 1}
    assert between_rooms()["executor"] <= known | lowest
    imported = {one.imported for one in all_imports() if room_of(one.importer) == "executor"}
    phases = {"shardplan.cost.phase", "shardplan.cost.phases"}
    assert {name for name in imported if name.startswith("shardplan.cost")} <= phases


def test_only_the_command_line_explain_and_the_executor_know_of_terminals() -> None:
    rooms = {room_of(one.importer) for one in all_imports() if one.library in ("click", "rich")}
    assert rooms == {"cli", "explain", "executor"}


def test_the_page_fits_on_two_screens() -> None:
    assert len(PAGE.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


def test_the_library_never_prints() -> None:
    calls = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in files()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
    ]
    assert calls == []
