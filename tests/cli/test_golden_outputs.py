"""What every verb prints in every format, on plans made by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
(STYLE_SHEET,) = (Path(__file__).parents[2] / "shardplan").rglob("style.css")
SPEC = "../explain/spec.yaml"

VIEWS = {
    "overview": ("--top", "3"),
    "table": ("--table", "item_id"),
    "device": ("--device", "1"),
    "selection": ("--select", "*_id"),
    "measured": ("--measured", "measured.json"),
}
FORMATS = {"table": "txt", "json": "json", "markdown": "md", "html": "html"}

COMMANDS = {
    **{
        f"explain_{view}.{ending}": ("explain", "old.json", *options, "--format", form)
        for view, options in VIEWS.items()
        for form, ending in FORMATS.items()
    },
    **{
        f"explain_why_not.{ending}": (
            "explain",
            "few.json",
            "--why-not",
            "item_id=row_wise",
            "--format",
            form,
        )
        for form, ending in FORMATS.items()
    },
    **{
        f"diff.{ending}": ("diff", "old.json", "new.json", "--format", form)
        for form, ending in FORMATS.items()
    },
    **{
        f"compare.{ending}": ("compare", "old.json", "new.json", "few.json", "--format", form)
        for form, ending in FORMATS.items()
    },
    **{
        f"{verb}.{ending}": (*command, "--format", form)
        for form, ending in FORMATS.items()
        for verb, command in {
            "check": ("check", SPEC),
            "check_against": ("check", "--cost-model", "cpu", "--against", "measured.csv"),
            "verify": ("verify", "old.json"),
            "verify_stale": ("verify", "old.json", "grown.yaml"),
            "list_methods": ("list", "methods"),
        }.items()
    },
    **{
        f"check_faulty.{ending}": ("check", "faulty.yaml", "--format", form)
        for form, ending in (("table", "txt"), ("json", "json"))
    },
    **{
        f"list_topology.{ending}": ("list", "topologies", "--show", "box.yaml", "--format", form)
        for form, ending in FORMATS.items()
    },
    "diff_of_equals.txt": ("diff", "old.json", "old.json"),
    "diff_of_equals.json": ("diff", "old.json", "old.json", "--format", "json"),
    "check_resolved.yaml": ("check", SPEC, "--resolved"),
    "init_list.txt": ("init", "--list"),
    "schema_topology.json": ("schema", "topology"),
    "init_minimal.yaml": ("init", "-"),
    "help.txt": ("--help",),
}
"""Golden file to command, run inside the folder of the golden files."""


def without_style(page: str) -> str:
    """The page but for its style sheet, which has to be the package's, whole and as it is."""
    style = f"<style>\n{STYLE_SHEET.read_text(encoding='utf-8')}</style>"
    assert page.count(style) == 1
    return page.replace(style, "<style>(style.css)</style>")


@pytest.mark.parametrize("name", COMMANDS)
def test_prints_as_on_file(run, name, update_golden, monkeypatch):
    monkeypatch.chdir(GOLDEN)
    result = run(*COMMANDS[name])
    text = result.stdout
    if "faulty" in name and not text:
        text = result.stderr
    assert text, result.stderr
    if name.endswith(".html"):
        text = without_style(text)
    file = GOLDEN / name
    if update_golden:
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def test_a_plan_is_solved_as_on_file(run, update_golden, monkeypatch):
    """But for how long it took, and which versions did it."""
    monkeypatch.chdir(GOLDEN)
    plan = json.loads(run("solve", SPEC, "--method", "greedy-dim", "-q").stdout)
    del plan["run"], plan["solver"], plan["resolved"]
    file = GOLDEN / "solve.json"
    if update_golden:
        file.write_text(json.dumps(plan, indent=1) + "\n", encoding="utf-8")
    assert plan == json.loads(file.read_text(encoding="utf-8"))


def test_every_golden_file_is_compared():
    made_by_hand = {"old.json", "new.json", "measured.json", "faulty.yaml", "grown.yaml"}
    made_by_hand |= {"measured.csv", "box.yaml", "few.json"}
    assert {path.name for path in GOLDEN.iterdir()} == {*COMMANDS, *made_by_hand, "solve.json"}
