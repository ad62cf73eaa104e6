"""Hot ids that a spec names a file of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shardplan.build_case import case_of_value
from shardplan.spec.load import load_spec

if TYPE_CHECKING:
    from pathlib import Path


def spec(folder: Path, name: str = "hot/u.csv") -> str:
    path = folder / "s.yaml"
    path.write_text(f"""\
batch: {{local: 512}}
topology: dgx-h100
tables:
  - {{name: u, rows: 1000, dim: 8, hot_ids: {name}}}
""")
    return str(path)


def test_a_file_beside_the_spec_counts_as_many_ids_as_it_has(tmp_path: Path) -> None:
    (tmp_path / "hot").mkdir()
    (tmp_path / "hot" / "u.csv").write_text("id\n5\n900\n3\n")
    loaded = load_spec(spec(tmp_path))
    assert loaded.faults == ()
    assert loaded.spec.tables[0].hot_ids == 3
    resolved = loaded.spec.model_dump(mode="json", exclude_unset=True)
    assert resolved["tables"][0]["hot_ids"] == 3
    assert case_of_value(resolved, "resolved").workload.tables[0].hot_ids == 3


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("id\n5\n1000\n", ("s.yaml", 4, 44), "hot/u.csv: 1,000 is no row of a table of 1,000 rows"),
        ("id\n5\n5\n", ("s.yaml", 4, 44), "hot/u.csv: the id 5 stands there twice"),
        ("id\n5\nx\n", ("u.csv", 3, 1), "an id is a whole number, not 'x' (hot_ids of 'u')"),
        (None, ("s.yaml", 4, 44), "hot/u.csv: No such file or directory"),
    ],
)
def test_what_is_wrong_with_a_file_has_a_place(
    text: str | None, where: tuple[str, int, int], words: str, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / "hot").mkdir()
        (tmp_path / "hot" / "u.csv").write_text(text)
    (fault,) = load_spec(spec(tmp_path)).faults
    assert (fault.file.rpartition("/")[2], fault.line, fault.column) == where
    assert fault.message == words


def test_another_text_is_no_number_of_ids(tmp_path: Path) -> None:
    (fault,) = load_spec(spec(tmp_path, "hot.txt")).faults
    assert (fault.path, fault.line) == ("tables[0].hot_ids", 4)
    assert fault.message == ("must be a whole number, or the name of a file of ids (got 'hot.txt')")
    assert fault.hint == "such a name ends in .npy or .parquet or .csv"
