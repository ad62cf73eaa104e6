"""The plans of a front, as files of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shardplan.cli.output import put_file
from shardplan.errors import InputError
from shardplan.files import make_folder
from shardplan.plan.file.write import Renderer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shardplan.size.answer.design import Design
    from shardplan.size.answer.front import Front
    from shardplan.size.search.size import Sized


def with_plans(sized: Sized, folder: str | None) -> tuple[Front, InputError | None]:
    """Write the plans of a front, and say in its points where they are; nothing without a folder.

    Where one cannot be written, the rest is left, and the front comes with what is the matter.
    """
    if not folder:
        return sized.front, None
    points, written = sized.front.points, {}
    unwritten = None
    try:
        make_folder(folder)
        for design, name in file_names(point.design for point in points).items():
            path = str(Path(folder) / name)
            put_file(Renderer().render(sized.plans[design]), path)
            written[design] = path
    except InputError as error:
        unwritten = error
    found = tuple(
        point.model_copy(update={"plan_file": written.get(point.design, "")}) for point in points
    )
    return sized.front.model_copy(update={"points": found}), unwritten


def file_names(designs: Iterable[Design]) -> dict[Design, str]:
    """One of its own for each design, also where a file system does not tell cases apart."""
    found: dict[Design, str] = {}
    taken: set[str] = set()
    for design in designs:
        groups = f"-{design.groups}groups" if design.groups > 1 else ""
        stem = f"{design.machine}-{design.nodes}nodes{groups}-{design.global_batch}"
        stem = plain = stem.replace("/", "_")
        number = 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{plain}-{number}"
        taken.add(stem.casefold())
        found[design] = f"{stem}.json"
    return found
