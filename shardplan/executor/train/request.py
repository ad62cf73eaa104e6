"""What ``train`` is asked to do: each option of the command once, with its name, type and help."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

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


def _option(help_: str, metavar: str | None = None, type_: Any = None, **more: Any) -> Any:
    """What click is told of an option; its flag is called as the field is, or ``flag``."""
    shown = more.get("default") is not None
    return more | {"help": help_, "metavar": metavar, "type": type_, "show_default": shown}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRequest:
    """A run of the training command, in the order of its options."""

    plan: Path
    engine: Annotated[
        str,
        _option(
            "What trains: torch.distributed alone, or TorchRec.",
            type_=click.Choice(ENGINES),
            default="native",
        ),
    ]
    steps: Annotated[
        int, _option("How many steps; with --resume, how many more.", "N", _COUNT, default=100)
    ]
    batch: Annotated[int | None, _option("Samples of a rank; else the plan's own.", "N", _COUNT)]
    data: Annotated[
        Path | None,
        _option("Criteo's samples, .tsv or .parquet; else synthetic ones.", "FILE", _PATH),
    ]
    hot_ids: Annotated[
        Path | None,
        _option(
            "Hottest ids of --data, as MODULE/TABLE.parquet, .npy or .csv, of tables with hot rows "
            "and of caches, which begin with them.",
            "FOLDER",
            _PATH,
        ),
    ]
    learning_rate: Annotated[
        float, _option("Of tables and dense layers.", "RATE", float, default=0.05)
    ]
    seed: Annotated[int, _option("Of initial weights and synthetic samples.", "N", int, default=0)]
    hbm_bytes: Annotated[
        int | None,
        _option(
            "What a rank may take of its device, such as 80GiB; else no limit.",
            "SIZE",
            size,
            flag="--hbm",
        ),
    ]
    ddr_bytes: Annotated[
        int | None, _option("The same of its node's memory.", "SIZE", size, flag="--ddr")
    ]
    ssd_bytes: Annotated[
        int | None, _option("The same of its node's disk.", "SIZE", size, flag="--ssd")
    ]
    ssd_folder: Annotated[Path | None, _option("Where rows on SSD lie.", "FOLDER", _PATH)]
    checkpoints: Annotated[
        Path | None, _option("Write checkpoints here; of the native engine.", "FOLDER", _PATH)
    ]
    checkpoint_every: Annotated[
        int | None, _option("Steps between checkpoints; else at the end only.", "N", _COUNT)
    ]
    resume: Annotated[
        bool,
        _option("Go on from the folder's newest checkpoint, if it has one.", is_flag=True),
    ]
    trust: Annotated[
        bool,
        _option(
            "Load a checkpoint of an older shardplan, which may run any code in it.", is_flag=True
        ),
    ]
    measure: Annotated[
        Path | None, _option("Write here what `shardplan explain --measured` reads.", "FILE", _PATH)
    ]
    metrics: Annotated[
        Path | None,
        _option("Write predicted and measured phases here as JSON lines.", "FILE", _PATH),
    ]
    tensorboard: Annotated[Path | None, _option("Write the same for TensorBoard.", "FOLDER", _PATH)]
    metrics_every: Annotated[
        int, _option("Steps that one line or point is the mean of.", "N", _COUNT, default=10)
    ]
    warm_up: Annotated[
        int, _option("Steps before those that are measured.", "N", click.IntRange(0), default=5)
    ]
    loss_every: Annotated[int, _option("Steps between losses on stdout.", "N", _COUNT, default=10)]
    timeout_seconds: Annotated[
        float,
        _option(
            "How long a rank waits for others before it considers them lost.",
            "SECONDS",
            float,
            flag="--timeout",
            default=300.0,
        ),
    ]
    allow_inexact: Annotated[
        bool, _option("Let TorchRec change the optimizer's updates.", is_flag=True)
    ]

    @property
    def limits(self) -> TierLimits:
        """What a rank may hold."""
        return TierLimits(self.hbm_bytes, self.ddr_bytes, self.ssd_bytes)

    @property
    def is_measured(self) -> bool:
        """Whether anything is told of what steps take."""
        return any((self.measure, self.metrics, self.tensorboard))

    def check(self) -> None:
        """Raise UsageError for options that would do nothing: silence would pass for a promise."""
        for name, reason in _NATIVE_ALONE.items():
            if getattr(self, name) and self.engine != "native":
                raise click.UsageError(f"{_flag(name)} is for --engine native: {reason}")
        for name in ("resume", "checkpoint_every"):
            if getattr(self, name) and self.checkpoints is None:
                raise click.UsageError(f"{_flag(name)} needs --checkpoints")
        if self.metrics is not None and self.metrics == self.measure:
            raise click.UsageError("--metrics and --measure write different files")
        if self.hot_ids is not None and self.data is None:
            raise click.UsageError("--hot-ids needs --data: of synthetic samples they are known")
        if self.trust and not self.resume:
            raise click.UsageError("--trust needs --resume")


def takes_request(run: Callable[[TrainRequest], None]) -> Callable[..., None]:
    """A function of a request as one that click calls, with all options of a request."""

    @functools.wraps(run)
    def called(**_: object) -> None:
        run(TrainRequest(**click.get_current_context().params))

    command: Callable[..., None] = called
    for name, hint in reversed(get_type_hints(TrainRequest, include_extras=True).items()):
        for how in getattr(hint, "__metadata__", ()):
            rest = {key: value for key, value in how.items() if key != "flag"}
            command = click.option(how.get("flag", _flag(name)), name, **rest)(command)
    return click.argument("plan", type=_PATH)(command)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
