"""What ``train`` is asked to do: each option of the command once, with its name, type and help."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shardplan.executor.planned.tier_limits import TierLimits
from shardplan.executor.train.engine import ENGINES
from shardplan.units import UnitError, parse_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

_PATH = click.Path(path_type=Path)
_COUNT = click.IntRange(1)
_NO_CHECKPOINTS = "under TorchRec this command neither writes nor reads checkpoints"
_NATIVE_ALONE = {
    "checkpoints": _NO_CHECKPOINTS,
    "checkpoint_every": _NO_CHECKPOINTS,
    "resume": _NO_CHECKPOINTS,
    "ssd_folder": "FBGEMM keeps rows on SSD in a store of its own",
}
"""Options that the other engine cannot heed, and why."""


def size(text: str) -> int:
    """The bytes of ``80GiB``; wrong usage where it cannot be read."""
    try:
        return parse_bytes(text)
    except UnitError as error:
        raise click.BadParameter(f"{error}; for example 80GiB") from None


def _option(flag: str = "", **how: Any) -> dict[str, Any]:
    """What a field that an option fills knows of it: ``flag``, or its own name with dashes."""
    return {"flag": flag, "how": how}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRequest:
    """A run of the training command, in the order of its options."""

    plan: Path
    engine: str = field(
        metadata=_option(
            default="native",
            type=click.Choice(ENGINES),
            help="What trains: torch.distributed alone, or TorchRec.",
        )
    )
    steps: int = field(
        metadata=_option(
            default=100,
            metavar="N",
            type=_COUNT,
            help="How many steps; with --resume so many more.",
        )
    )
    batch: int | None = field(
        metadata=_option(metavar="N", type=_COUNT, help="Samples of a rank; else the plan's own.")
    )
    data: Path | None = field(
        metadata=_option(
            metavar="FILE",
            type=_PATH,
            help="Criteo's samples, .tsv or .parquet; else synthetic ones.",
        )
    )
    learning_rate: float = field(
        metadata=_option(
            default=0.05, metavar="RATE", type=float, help="Of tables and dense layers."
        )
    )
    seed: int = field(
        metadata=_option(
            default=0, metavar="N", type=int, help="Of initial weights and synthetic samples."
        )
    )
    hbm_bytes: int | None = field(
        metadata=_option(
            "--hbm",
            metavar="SIZE",
            type=size,
            help="What a rank may take of its device, such as 80GiB; else no limit.",
        )
    )
    ddr_bytes: int | None = field(
        metadata=_option("--ddr", metavar="SIZE", type=size, help="The same of its node's memory.")
    )
    ssd_bytes: int | None = field(
        metadata=_option("--ssd", metavar="SIZE", type=size, help="The same of its node's disk.")
    )
    ssd_folder: Path | None = field(
        metadata=_option(metavar="FOLDER", type=_PATH, help="Where rows on SSD lie.")
    )
    checkpoints: Path | None = field(
        metadata=_option(
            metavar="FOLDER", type=_PATH, help="Write checkpoints here; of the native engine."
        )
    )
    checkpoint_every: int | None = field(
        metadata=_option(
            metavar="N", type=_COUNT, help="Steps between checkpoints; else at the end only."
        )
    )
    resume: bool = field(
        metadata=_option(is_flag=True, help="Go on from the newest checkpoint of the folder.")
    )
    measure: Path | None = field(
        metadata=_option(
            metavar="FILE", type=_PATH, help="Write here what `shardplan explain --measured` reads."
        )
    )
    warm_up: int = field(
        metadata=_option(
            default=5,
            metavar="N",
            type=click.IntRange(0),
            help="Steps before those that are measured.",
        )
    )
    loss_every: int = field(
        metadata=_option(
            default=10, metavar="N", type=_COUNT, help="Steps between losses on stdout."
        )
    )
    timeout_seconds: float = field(
        metadata=_option(
            "--timeout",
            default=300.0,
            metavar="SECONDS",
            type=float,
            help="How long a rank waits for others before it takes them for lost.",
        )
    )
    allow_inexact: bool = field(
        metadata=_option(is_flag=True, help="Let TorchRec change the optimizer's updates.")
    )

    @property
    def limits(self) -> TierLimits:
        """What a rank may hold."""
        return TierLimits(self.hbm_bytes, self.ddr_bytes, self.ssd_bytes)

    def check(self) -> None:
        """Raise UsageError for options that would do nothing: silence would pass for a promise."""
        for name, reason in _NATIVE_ALONE.items():
            if getattr(self, name) and self.engine != "native":
                raise click.UsageError(f"{_flag(name)} is for --engine native: {reason}")
        for name in ("resume", "checkpoint_every"):
            if getattr(self, name) and self.checkpoints is None:
                raise click.UsageError(f"{_flag(name)} needs --checkpoints")


def takes_request(run: Callable[[TrainRequest], None]) -> Callable[..., None]:
    """A function of a request as one that click calls, with all options of a request."""

    @functools.wraps(run)
    def called(**_: object) -> None:
        run(TrainRequest(**click.get_current_context().params))

    command: Callable[..., None] = called
    for each in reversed(fields(TrainRequest)):
        if each.metadata:
            flag, how = each.metadata["flag"] or _flag(each.name), each.metadata["how"]
            shown = how.get("default") is not None
            command = click.option(flag, each.name, show_default=shown, **how)(command)
    return click.argument("plan", type=_PATH)(command)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
