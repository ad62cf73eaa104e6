"""``python -m shardplan.executor``."""

from __future__ import annotations

import click

from shardplan.executor.train_command import train


@click.group()
def main() -> None:
    """Run plans of shardplan on PyTorch."""


main.add_command(train)

if __name__ == "__main__":
    main(prog_name="python -m shardplan.executor")
