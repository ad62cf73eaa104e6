"""``shardplan verify``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from shardplan.cli.exit_code import ExitCode
from shardplan.cli.inputs import file_label, plan_at
from shardplan.cli.output import put

if TYPE_CHECKING:
    from shardplan.plan.plan import Plan


@click.command("verify")
@click.argument("plan")
@click.argument("spec", required=False)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table")
@click.pass_context
def verify_command(ctx: click.Context, plan: str, spec: str | None, form: str) -> None:
    """Check that a plan is complete, legal, fits and is fresh.

    Checked is what the runtime demands, the memory of every device and node, and the prediction,
    which is computed anew. Without a SPEC the one inside the plan is taken. Exits with 1 where
    anything is wrong.

    \b
    Examples:
      shardplan verify plan.json
      shardplan verify plan.json model.yaml
    """
    from shardplan.case import build_case
    from shardplan.plan.verify import verify
    from shardplan.spec.load import load_spec

    if plan == spec == "-":
        raise click.UsageError("only one of PLAN and SPEC can be stdin")
    found = plan_at(plan)
    findings = verify(found, build_case(load_spec(spec)) if spec else None)
    if form == "json":
        listed = [asdict(finding) for finding in findings]
        put(json.dumps({"findings": listed}, indent=2, ensure_ascii=False) + "\n")
    elif findings:
        put("".join(f"{finding}\n" for finding in findings))
    else:
        put(f"{file_label(plan)}: good: {_praise(found)}\n")
    if findings:
        click.echo(f"{len(findings)} finding" + ("s" if len(findings) > 1 else ""), err=True)
        ctx.exit(ExitCode.FAILED_VERIFICATION)


def _praise(plan: Plan) -> str:
    return (
        f"all {plan.table_count:,} tables are covered once, legal and fit {plan.world_size:,} "
        "devices; the prediction holds; gap and bound are as the solver claimed, not proven again"
    )
