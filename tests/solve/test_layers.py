"""The solvers stand in layers, and no modules of the package import each other in a circle.

Imports for types alone do not count: they are not there when the program runs.
"""

from __future__ import annotations

import ast
from pathlib import Path

import networkx as nx

import shardplan

ROOT = Path(shardplan.__file__).parent
LAYERS = (
    {"problem", "baselines"},
    {"program"},
    {"bound", "mixing", "exact"},
    {"search"},
    {"portfolio"},
)
"""Sub-packages of ``solve``, lowest first; those of one layer do not know each other."""


def modules() -> dict[str, Path]:
    found = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_at_run_time(tree: ast.AST) -> list[str]:
    """Full names of what is imported, in functions too."""
    found = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            found += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        found += imports_at_run_time(node)
    return found


def import_graph() -> nx.DiGraph:
    known = modules()
    graph = nx.DiGraph()
    graph.add_nodes_from(known)
    for name, path in known.items():
        for full in imports_at_run_time(ast.parse(path.read_text())):
            target = full if full in known else full.rpartition(".")[0]
            if target in known:
                graph.add_edge(name, target)
    return graph


def test_no_modules_import_each_other_in_a_circle():
    circles = [sorted(c) for c in nx.strongly_connected_components(import_graph()) if len(c) > 1]
    assert circles == []


def test_a_solver_imports_from_lower_layers_alone():
    layer_of = {room: number for number, layer in enumerate(LAYERS) for room in layer}
    rooms = {path.name for path in (ROOT / "solve").iterdir() if (path / "__init__.py").exists()}
    assert rooms == set(layer_of)
    back = []
    for name, target in import_graph().edges:
        room, other = (part.split(".")[2:3] for part in (name, target))
        in_solve = name.startswith("shardplan.solve.") and target.startswith("shardplan.solve.")
        if in_solve and room != other and room[0] in layer_of and other[0] in layer_of:
            is_lower = layer_of[other[0]] < layer_of[room[0]]
            back += [] if is_lower else [f"{name} imports {target}"]
    assert back == []


def test_no_solver_imports_anything_of_the_package_but_solvers_and_errors():
    outside = [
        f"{name} imports {target}"
        for name, target in import_graph().edges
        if name.startswith("shardplan.solve.")
        and not target.startswith(("shardplan.solve", "shardplan.errors"))
    ]
    assert outside == []
