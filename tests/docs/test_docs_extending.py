"""docs/extending.md: each worked change, made in a clone and tried there."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest
from clone import Clone
from doc_pages import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs" / "extending.md"

_SECTION = re.compile(r"^## ", re.MULTILINE)
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# ((?:shardplan|cost_models)/[\w/]+\.(?:py|yaml))\n")


def sections() -> dict[str, list[tuple[str, str]]]:
    """By heading, the blocks of each section that has any, each with its language."""
    parts = _SECTION.split(PAGE.read_text(encoding="utf-8"))[1:]
    found = {part.partition("\n")[0]: _BLOCK.findall(part) for part in parts}
    return {heading: blocks for heading, blocks in found.items() if blocks}


def change(clone: Path, language: str, text: str) -> None:
    """Write a new file, or change one where the page's lines of context stand."""
    named = _FILE.match(text)
    assert named, f"the first line says which file it is: {text}"
    file, body = clone / named[1], text[named.end() :]
    if language == "python":
        assert not file.exists(), f"{named[1]} is new"
        file.write_text(body, encoding="utf-8")
        return
    content = file.read_text(encoding="utf-8")
    for hunk in body.split("@@\n"):
        lines = hunk.splitlines(keepends=True)
        before, after = ("".join(x[1:] for x in lines if x[0] in f" {sign}") for sign in "-+")
        assert content.count(before) == 1, f"{named[1]} has these lines once:\n{before}"
        content = content.replace(before, after)
    file.write_text(content, encoding="utf-8")


@pytest.mark.parametrize("heading", sections())
def test_a_worked_change_works(heading: str, tmp_path: Path) -> None:
    """New files and changed lines first; then programs and commands run as written."""
    clone = Clone(tmp_path / "clone")
    for language, text in sections()[heading]:
        if language == "diff" or _FILE.match(text):
            change(clone.folder, language, text)
        elif language == "python":
            clone.run(sys.executable, "-c", text)
        else:
            assert language == "sh", "blocks are python, diff or sh"
            for line in text.splitlines():
                clone.run_anew(line)


def test_worked_changes_touch_no_more_than_they_should() -> None:
    """Besides their new files: a row of a table, an entry of a tuple, or nothing."""
    for heading, blocks in sections().items():
        added = [
            line
            for language, text in blocks
            if language == "diff" and "cost_models/" not in text
            for line in text.splitlines()
            if re.match(r"\+(?!from |import )", line)
        ]
        assert len(added) <= 1, f"{heading}: {added}"
