"""That what tests share is made on one worker, whatever pytest and its plugins do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

pytest.importorskip("xdist")

TESTS = Path(__file__).parent
FILES = ("executor/test_a.py", "executor/test_b.py", "cost/test_c.py", "cost/test_d.py")
THREE = "import pytest\n\n@pytest.mark.parametrize('n', range(3))\ndef test_it(n):\n    pass\n"


def test_each_file_and_each_folder_of_ranks_has_one_worker(tmp_path: Path) -> None:
    """Seen from outside: with pytest 9.2 the marks of a group are passed over without a word."""
    folder = tmp_path / "tests"
    for file in FILES:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(THREE)
    for name in ("conftest.py", "effort.py", "work_units.py"):
        shutil.copy(TESTS / name, folder / name)
    (tmp_path / "pytest.ini").touch()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "2", "-v", "-p", "no:cacheprovider", "tests"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if "PYTEST" not in name},
        capture_output=True,
        text=True,
        check=True,
    )
    workers = defaultdict(set)
    for worker, file in re.findall(r"\[(gw\d)\].* PASSED tests/(\S+)::", done.stdout):
        workers[file].add(worker)
    assert set(workers) == set(FILES)
    assert all(len(each) == 1 for each in workers.values())
    assert workers["executor/test_a.py"] == workers["executor/test_b.py"]
