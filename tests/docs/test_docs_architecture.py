"""docs/architecture.md against the code: rooms, files, and who imports whom."""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from typing import TYPE_CHECKING

from doc_pages import ROOT, codes, table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGE = ROOT / "shardplan"
PAGE = ROOT / "docs" / "architecture.md"
LEAVES = {"errors", "diagnostics", "units", "files", "__init__"}
JOINING = {
    "formulate",
    "baseline",
    "refusal",
    "shortfall",
    "improvements",
    "planner",
    "json_schema",
}

Imports = dict[str, dict[str, bool]]
"""Room to what it imports, and whether it does so at run time or for types alone."""


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(file: Path) -> Iterator[tuple[str, bool]]:
    """Every module that a file imports, and whether at run time."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            yield str(node.module), id(node) not in for_types
        elif isinstance(node, ast.Import):
            yield from ((alias.name, id(node) not in for_types) for alias in node.names)


def actual() -> tuple[Imports, Imports]:
    """(rooms, libraries) that each room imports."""
    rooms: Imports = defaultdict(dict)
    libraries: Imports = defaultdict(dict)
    for file in sorted(PACKAGE.rglob("*.py")):
        room = room_of(file)
        for module, at_run_time in imports_of(file):
            top, _, inner = module.partition(".")
            if top == "shardplan":
                target = inner.partition(".")[0] or "__init__"
                if target != room:
                    rooms[room][target] = rooms[room].get(target, False) or at_run_time
            elif top not in sys.stdlib_module_names:
                libraries[room][top] = libraries[room].get(top, False) or at_run_time
    return rooms, libraries


def written(cell: str) -> dict[str, bool]:
    """``spec, *case*`` of the page: names in italics are imported for types alone."""
    names = [name.strip() for name in cell.split(",") if name.strip()]
    return {name.strip("*"): not name.startswith("*") for name in names}


def test_the_page_says_what_each_room_imports() -> None:
    rooms, libraries = actual()
    stated = {codes(row[0])[0]: row[1:] for row in table(PAGE, "room or module").rows}
    alone = LEAVES | JOINING | {"__main__"}
    assert set(stated) == {room_of(file) for file in PACKAGE.rglob("*.py")} - alone
    for room, (others, outside) in stated.items():
        mine = {name: used for name, used in rooms[room].items() if name not in LEAVES}
        assert mine == written(others), f"what {room} imports of the project"
        assert libraries[room] == written(outside), f"the libraries that {room} imports"


def test_what_joins_the_rooms_knows_nothing_of_how_plans_are_shown() -> None:
    rooms, libraries = actual()
    for module in JOINING:
        assert not set(rooms[module]) & {"explain", "cli", "__main__"}
        used = {library for library, at_run_time in libraries[module].items() if at_run_time}
        assert used <= {"numpy"}


def test_leaves_import_nothing_of_the_project_but_leaves() -> None:
    rooms, libraries = actual()
    for leaf in LEAVES:
        assert set(rooms[leaf]) <= LEAVES
        assert not libraries[leaf]


def test_the_solver_knows_nothing_of_tables_yaml_or_pydantic() -> None:
    rooms, libraries = actual()
    assert set(rooms["solve"]) <= {"errors"}
    assert not set(libraries["solve"]) & {"yaml", "pydantic", "click", "rich", "networkx"}


def test_the_plan_does_not_lean_on_the_solver() -> None:
    assert "solve" not in actual()[0]["plan"]


def test_nothing_but_the_entry_point_imports_the_command_line() -> None:
    importers = {room for room, others in actual()[0].items() if "cli" in others}
    assert importers == {"__main__"}


def test_only_the_command_line_and_explain_know_of_terminals() -> None:
    libraries = actual()[1]
    assert {room for room in libraries if {"click", "rich"} & set(libraries[room])} == {
        "cli",
        "explain",
        "executor",
    }


def test_nothing_imports_the_executor() -> None:
    assert [room for room, others in actual()[0].items() if "executor" in others] == []


def test_every_room_and_module_has_its_line() -> None:
    rooms = {codes(row[0])[0].strip("/") for row in table(PAGE, "room").rows}
    assert rooms == {folder.parent.name for folder in PACKAGE.glob("*/__init__.py")}
    modules = {name for row in table(PAGE, "module").rows for name in codes(row[0])}
    own = {file.name for file in PACKAGE.glob("*.py")} - {"__init__.py", "__main__.py"}
    assert modules == own


def test_every_file_that_the_page_names_exists() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = re.findall(r"`((?:\w+/)*\w+\.py|\w+/\w+/)`", text)
    assert len(named) > 40
    assert [name for name in named if not (PACKAGE / name).exists()] == []


def test_the_library_never_prints() -> None:
    calls = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
    ]
    assert calls == []
