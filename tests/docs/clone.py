"""A clone of the project in which commands run as people type them."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING

from click.testing import CliRunner
from doc_pages import ROOT

from shardplan.cli.main import cli

if TYPE_CHECKING:
    from pathlib import Path

COPIED = ("shardplan", "cost_models", "topologies", "published", "examples")
PROGRAMS = {
    "shardplan": f'exec "{sys.executable}" -m shardplan "$@"',
    "torchrun": f'exec "{sys.executable}" -m torch.distributed.run "$@"',
    "less": "exec cat",
}
"""What the commands call, wherever the tests run."""
FOR_A_SHELL = set("|&;<>$~*?`")
OTHERS = ("shardplan calibrate",)
"""What this process would not be the same after: it sets PyTorch's threads."""


class Clone:
    """A copy of the project with the installed command where the README puts it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in COPIED:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        programs = folder / ".venv" / "bin"
        programs.mkdir(parents=True)
        for name, script in PROGRAMS.items():
            (programs / name).write_text(f"#!/bin/sh\n{script}\n")
            (programs / name).chmod(0o755)

    def run(self, *words: str) -> str:
        """What a command writes to stdout; it must end well."""
        path = f"{self.folder}/.venv/bin:{os.environ['PATH']}"
        others = os.environ.get("PYTHONPATH", "")
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=os.environ | {"PATH": path, "PYTHONPATH": f"{self.folder}:{others}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{shlex.join(words)}\n{done.stderr}"
        return done.stdout

    def run_line(self, line: str) -> str:
        """The same of a line for a shell, whose pipes must end well too.

        In this process where it is a call of shardplan and nothing else: a new one takes longer to
        start than most commands to run. A clone whose code was changed needs ``run_anew``.
        """
        is_plain = not FOR_A_SHELL & set(line) and not line.startswith(OTHERS)
        if is_plain and line.startswith("shardplan "):
            return self._run_here(shlex.split(line)[1:])
        return self.run_anew(line)

    def run_anew(self, line: str) -> str:
        """The same in processes of their own, which import the clone's code."""
        return self.run("bash", "-o", "pipefail", "-c", line)

    def _run_here(self, words: list[str]) -> str:
        with contextlib.chdir(self.folder), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # those of libraries, which are errors in a test only
            done = CliRunner().invoke(cli, words, prog_name="shardplan")
        assert done.exit_code == 0, f"{shlex.join(words)}\n{done.stderr}"
        return done.stdout


def can_run(line: str) -> bool:
    """Whether what a line needs besides shardplan itself is installed."""
    needs_torch = "torchrun " in line or "shardplan calibrate" in line
    if "shardplan profile" in line:
        return all(map(find_spec, ("duckdb", "fsspec", "narwhals", "pyarrow")))
    if "--from torchrec" in line:
        return find_spec("torchrec") is not None
    return not needs_torch or find_spec("torch") is not None
