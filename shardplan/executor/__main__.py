"""``python -m shardplan.executor``."""

from __future__ import annotations

import click

from shardplan.executor.train.command import train


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run plans of shardplan on PyTorch."""


main.add_command(train)

if __name__ == "__main__":
    main(prog_name="python -m shardplan.executor")
