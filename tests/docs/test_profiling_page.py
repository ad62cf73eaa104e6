"""docs/profiling.md, run as written: from raw files to a verified plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from clone import Clone, can_run
from doc_pages import ROOT, blocks

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs" / "profiling.md"


@pytest.mark.slow
@pytest.mark.skipif(not can_run("shardplan profile"), reason="needs DuckDB and Narwhals")
def test_raw_files_become_a_verified_plan_in_three_commands(tmp_path: Path) -> None:
    clone = Clone(tmp_path / "clone")
    planned, later = (block.splitlines() for block in blocks(PAGE, "sh"))
    (clone.folder / "model.yaml").write_text(blocks(PAGE, "text")[0])
    assert len(planned) == 3
    for line in planned:
        said = clone.run_line(line.replace("solve ", "solve --method greedy "))
    assert "good" in said
    said = clone.run_line(later[0])
    assert "tailnum moved" in said
    assert "flight moved" in said
    assert said.endswith("the plan stays as good as it was\n")
