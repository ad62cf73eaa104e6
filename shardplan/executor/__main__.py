"""``python -m shardplan.executor``."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import click

from shardplan.executor.steps.command import steps
from shardplan.executor.train.command import train
from shardplan.executor.train.tell import printable_usage, tell
from shardplan.surroundings import mend_streams, outside_cause

if TYPE_CHECKING:
    from typing import Any

_INVALID, _INTERNAL_ERROR = 2, 70


class _Commands(click.Group):
    """The group of all commands; a bug has an exit code of its own."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with printable_usage():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with printable_usage():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:
            raise  # Of which click makes an end without words.
        except Exception as error:
            cause = outside_cause(error)
            if cause is not None:
                tell(f"error: {cause}")
                ctx.exit(_INVALID)
            tell(traceback.format_exc().rstrip("\n"))
            ctx.exit(_INTERNAL_ERROR)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run plans of shardplan on PyTorch."""


main.add_command(train)
main.add_command(steps)

if __name__ == "__main__":
    mend_streams()
    main(prog_name="python -m shardplan.executor")
