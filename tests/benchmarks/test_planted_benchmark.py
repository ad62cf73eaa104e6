"""The benchmark of tuning on a job with a known answer, on its quickest job."""

from __future__ import annotations

import pytest


@pytest.mark.slow
def test_the_best_plan_is_found_and_the_row_says_so() -> None:
    from click.testing import CliRunner
    from planted import HEADER, main

    result = CliRunner().invoke(main, ["--seeds", "1", "--first", "3"])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    cells = dict(zip(HEADER, lines[2].strip("| ").split(" | "), strict=True))
    assert float(cells["before tuning"]) > 1.1
    assert float(cells["tuned"]) <= 1.01
    assert lines[-1] == "within 1% of the best plan: 1 of 1"
