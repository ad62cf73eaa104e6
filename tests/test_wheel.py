"""The wheel holds all that the package needs, and finds it there."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("hatchling")

ROOT = Path(__file__).parents[1]

READ = """
from pathlib import Path
from shardplan.build_case import build_case
from shardplan.cost.profile.profile_file import ProfileFile
from shardplan.spec.catalog.catalog import Kind, find, names
from shardplan.spec.load import spec_from_value
import shardplan
print(shardplan.__file__)
for kind in Kind:
    for name in names(kind):
        print(f"{kind.value}/{name}.yaml", len(find(kind, name, Path()).text.encode()))
for name in names(Kind.TOPOLOGY):
    build_case(spec_from_value({
        "batch": {"local": 8},
        "topology": {"name": name},
        "training": {"dense": {"layers": [{"mlp": [8, 8]}]}},
        "tables": [{"name": "t", "rows": 100, "dim": 8}],
    }, "spec"))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """A wheel built without network."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    (found,) = folder.glob("*.whl")
    return found


def test_every_file_of_the_package_is_inside(wheel):
    """Modules, templates of the command line, cost models and topologies, the same bytes."""
    with zipfile.ZipFile(wheel) as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    package = ROOT / "shardplan"
    expected = {
        str(path.relative_to(ROOT)): path
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    for folder in ("cost_models", "topologies", "published"):
        for path in (ROOT / folder).rglob("*.*"):
            expected[f"shardplan/_data/{path.relative_to(ROOT)}"] = path
    assert {name for name in inside if ".dist-info/" not in name} == set(expected)
    assert "shardplan/py.typed" in inside
    assert all(inside[name] == path.read_bytes() for name, path in expected.items())


def test_the_catalog_reads_from_the_zipped_wheel(wheel, tmp_path):
    """In a process that sees the wheel and no checkout; every preset builds with its cost model."""
    environment = {k: v for k, v in os.environ.items() if k != "SHARDPLAN_PATH"}
    done = subprocess.run(
        [sys.executable, "-c", READ],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(wheel)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    source, *listed = done.stdout.splitlines()
    assert source.startswith(str(wheel))
    assert listed == [
        f"{path.relative_to(ROOT)} {path.stat().st_size}"
        for folder in ("topologies", "cost_models", "cost_models/frameworks", "published")
        for path in sorted((ROOT / folder).glob("*.yaml"), key=lambda path: path.stem)
    ]
