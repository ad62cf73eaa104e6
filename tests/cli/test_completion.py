"""What a shell offers when the tab key is pressed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from shardplan.cli.main import cli
from shardplan.spec.catalog.catalog import Kind, names

SHELLS = ("bash", "zsh", "fish")


def offered(shell: str, *words: str) -> list[tuple[str, str]]:
    """(kind, word) of what is offered for the last of some words."""
    line = " ".join(["shardplan", *words[:-1], *words[-1:]])
    variables = {
        "_SHARDPLAN_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": words[-1] if shell == "fish" else str(len(words)),
    }
    text = CliRunner().invoke(cli, [], env=variables, prog_name="shardplan").stdout
    lines = text.splitlines()
    if shell == "zsh":
        return list(zip(lines[::3], lines[1::3], strict=True))
    return [tuple(line.split(",", 1)) for line in lines if line]


def words_of(shell: str, *words: str) -> set[str]:
    return {word for kind, word in offered(shell, *words) if kind == "plain"}


@pytest.mark.parametrize("shell", SHELLS)
def test_offers_the_topologies(shell):
    known = {name for name in names(Kind.TOPOLOGY) if name.startswith("dgx-")}
    assert words_of(shell, "list", "topologies", "--show", "dgx-") == known
    assert words_of(shell, "solve", "model.yaml", "--topology", "dgx-") == known


@pytest.mark.parametrize("shell", SHELLS)
def test_offers_the_cost_models(shell):
    known = set(names(Kind.COST_MODEL))
    assert words_of(shell, "check", "--cost-model", "") == known
    assert words_of(shell, "list", "cost-models", "--show", "") == known


@pytest.mark.parametrize("shell", SHELLS)
def test_offers_the_tables_of_the_plan(shell, plan_path):
    assert words_of(shell, "explain", str(plan_path), "--table", "u") == {"user_id", "unused"}


@pytest.mark.parametrize("shell", SHELLS)
def test_offers_what_could_be_chosen_for_a_table(shell, plan_path):
    begun = str(plan_path)
    assert words_of(shell, "explain", begun, "--why-not", "user") == {"user_id="}
    assert words_of(shell, "explain", begun, "--why-not", "user_id=row") == {"user_id=row_wise"}


FILES = (
    *([name, ""] for name in ("init", "check", "solve", "explain", "diff", "compare", "verify")),
    ["diff", "a.json", ""], ["diff", "a.json", "b.json", "-o", ""], ["compare", "a.json", ""],
    ["calibrate", "-o", ""], ["check", "--plot", ""], ["schema", "-o", ""], ["tune", "-o", ""],
    ["profile", ""], ["profile", "a.parquet", "--against", ""],
)  # fmt: skip


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("words", FILES)
def test_files_are_left_to_the_shell(shell, words):
    assert [kind for kind, _ in offered(shell, *words)] == ["file"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"tables": 7}', '{"tables": [[]]}', "[" * 9999])
def test_a_file_that_is_no_plan_offers_nothing(tmp_path, text):
    path = tmp_path / "plan.json"
    path.write_text(text)
    assert offered("bash", "explain", str(path), "--table", "") == []
    assert offered("bash", "explain", "none.json", "--table", "") == []


def test_no_name_reaches_the_shell_that_could_steer_it(tmp_path):
    path = tmp_path / "plan.json"
    tables = [{"name": "good"}, {"name": "b\x1b[2J"}, {"name": "c\nfile,/etc"}, {"name": "d\u202e"}]
    path.write_text(json.dumps({"tables": tables}))
    assert offered("bash", "explain", str(path), "--table", "") == [("plain", "good")]


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_by_the_script(run, plan_path, tmp_path):
    """The printed script, loaded by a shell, with the program where the shell finds it."""
    program = tmp_path / "shardplan"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m shardplan "$@"\n')
    program.chmod(0o755)
    script = run("completion", "bash").stdout
    line = f"shardplan explain {plan_path} --table us"
    ask = f"""{script}
COMP_WORDS=({line}); COMP_CWORD=4
_shardplan_completion shardplan us --table
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    env = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    found = subprocess.run(
        ["bash", "-c", ask], capture_output=True, text=True, env=env, check=False, timeout=60
    )
    assert found.stdout.split() == ["user_id"], found.stderr
