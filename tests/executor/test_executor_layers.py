"""The executor's folders are layers: each imports those before it and none behind it."""

from __future__ import annotations

import ast
from pathlib import Path

import shardplan

EXECUTOR = Path(shardplan.__file__).parent / "executor"
LAYERS = (
    "planned", "ranks", "tensors", "kernels", "batch", "memory", "exchange", "tables", "checkpoint",
    "native", "torchrec", "train", "steps",
)  # fmt: skip
NO_PYTORCH = ("planned",)
NO_NATIVE_ENGINE = ("torchrec",)
"""What runs under TorchRec takes nothing of what runs without it."""


def imported(layer: str) -> set[str]:
    """Modules that a layer imports, for types or at run time."""
    trees = [
        ast.parse(file.read_text(encoding="utf-8")) for file in EXECUTOR.glob(f"{layer}/**/*.py")
    ]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    froms = {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    return froms | {a.name for node in nodes if isinstance(node, ast.Import) for a in node.names}


def layers_under(layer: str) -> set[str]:
    names = [module.split(".") for module in imported(layer)]
    inside = {name[2] for name in names if name[:2] == ["shardplan", "executor"]}
    return inside - {layer}


def test_every_folder_is_a_layer() -> None:
    assert {path.parent.name for path in EXECUTOR.glob("*/__init__.py")} == set(LAYERS)


def test_no_layer_imports_one_behind_it() -> None:
    for place, layer in enumerate(LAYERS):
        assert layers_under(layer) <= set(LAYERS[:place]), layer


def test_plans_are_read_without_pytorch() -> None:
    for layer in NO_PYTORCH:
        assert not {name for name in imported(layer) if name.split(".")[0] == "torch"}


def test_what_runs_under_torchrec_does_not_lean_on_the_native_engine() -> None:
    for layer in NO_NATIVE_ENGINE:
        assert layers_under(layer) <= {"planned", "ranks", "tensors"}
