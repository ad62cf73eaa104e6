"""What a program calls: a spec read, planned, explained, verified and written."""

from __future__ import annotations

from collections.abc import Mapping
from os import fspath
from typing import TYPE_CHECKING, Any

# Importing a sub-package for the first time binds its name in the parent. These two share a name
# with a function; imported before `shardplan` takes the functions, they never replace them.
import shardplan.explain
import shardplan.plan  # noqa: F401

if TYPE_CHECKING:
    from os import PathLike

    from shardplan.case import Case
    from shardplan.explain.numbers.explanation import Explanation
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.finding import Finding
    from shardplan.solve.reporter import Reporter
    from shardplan.solve.settings import Settings


def load(spec: str | PathLike[str] | Mapping[str, Any]) -> Case:
    """Read a spec, from a file or as plain values, with the topology and cost model it names.

    Raises InputError with every fault of the three.
    """
    from shardplan.build_case import build_case
    from shardplan.spec.load import load_spec, spec_from_value

    if isinstance(spec, Mapping):
        return build_case(spec_from_value(dict(spec), "spec"))
    return build_case(load_spec(fspath(spec)))


def plan(case: Case, settings: Settings | None = None, reporter: Reporter | None = None) -> Plan:
    """Find the best plan of a case; ``reporter`` is told how the search goes.

    Without ``settings`` it also ends once nothing has improved for ten seconds. Raises
    Infeasible where it is proven that there is no plan, NoPlanFound where the limits ended the
    search first, and Interrupted.
    """
    from shardplan.planning.planner import make_plan
    from shardplan.solve.reporter import Reporter
    from shardplan.solve.settings import PATIENCE_SECONDS, Settings

    settings = settings or Settings(patience_seconds=PATIENCE_SECONDS)
    return make_plan(case, settings, reporter or Reporter())


def explain(plan: Plan) -> Explanation:
    """What a plan costs, where and why: the numbers of ``shardplan explain --format json``.

    Raises InputError where the plan holds no spec, or could not run.
    """
    from shardplan.explain.numbers.explain import explain
    from shardplan.explain.numbers.study import Study
    from shardplan.whatif.worth.charge_prices import charge_prices
    from shardplan.whatif.worth.more_hbm import more_hbm

    study = Study.of(plan, plan.name)
    case, decisions = study.case, study.ledger.decisions
    return explain(study, more_hbm(case, decisions), charge_prices(case, decisions))


def verify(plan: Plan, case: Case | None = None) -> tuple[Finding, ...]:
    """Everything that is wrong with a plan, empty where it is good.

    It is held against the spec that it carries, or against ``case``.
    """
    from shardplan.plan.verify import verify

    return verify(plan, case)


def read_plan(path: str | PathLike[str]) -> Plan:
    """Read a plan file. Raises InputError with every fault, each with its line and column."""
    from shardplan.plan.file.read import read_plan

    return read_plan(fspath(path))


def write_plan(plan: Plan, path: str | PathLike[str]) -> None:
    """Write a plan file whole or not at all. Raises InputError where it cannot be written."""
    from shardplan.plan.file.write import write

    write(plan, fspath(path))
