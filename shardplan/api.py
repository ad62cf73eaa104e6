"""What a program calls: data profiled; a spec read, planned, explained, verified and written."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

# Importing a sub-package for the first time binds its name in the parent. These two share a name
# with a function; imported before `shardplan` takes the functions, they never replace them.
import shardplan.explain
import shardplan.plan  # noqa: F401

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.case import Case
    from shardplan.explain.numbers.explanation import Explanation
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.finding import Finding
    from shardplan.profile.make_profile import Samples
    from shardplan.profile.profile_files import Reading
    from shardplan.profile.reporter import ProfileReporter
    from shardplan.profile.tables.profile import Profile
    from shardplan.profile.tables.table_profile import Asked
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


def make_profile(
    data: str | PathLike[str] | Sequence[str | PathLike[str]] | Samples,
    asked: Asked | None = None,
    reading: Reading | None = None,
    features: str | PathLike[str] | None = None,
    reporter: ProfileReporter | None = None,
) -> Profile:
    """Count the ids that a job trains on, and fit what a spec says of tables.

    ``data`` are files, folders, patterns and URLs, read as ``reading`` says, or samples that are
    on an engine already. ``features`` is a file that says which columns share a table; by default
    each column of ids has its own. ``profile.tables[i].spec`` is what a spec says of a table.

    Raises InputError for what cannot be read, with the line of text where one is at fault, and
    where an engine is not installed.
    """
    from shardplan.profile.profile_files import Reading, check_installed, profile_files

    check_installed((reading or Reading()).engine)
    from shardplan.profile.features.table_rule import read_features
    from shardplan.profile.make_profile import Samples, make_profile
    from shardplan.profile.tables.table_profile import Asked

    rules = () if features is None else read_features(fspath(features))
    asked = asked or Asked()
    if isinstance(data, Samples):
        return make_profile(data, asked, rules, reporter=reporter)
    named = [data] if isinstance(data, str | PathLike) else data
    return profile_files([fspath(each) for each in named], asked, reading, rules, reporter=reporter)


def write_profile(profile: Profile, path: str | PathLike[str]) -> None:
    """Write the tables of a profile, .yaml, .csv or .parquet, and what lies beside them.

    Raises InputError where a file cannot be written.
    """
    from shardplan.profile.tables.write_profile import write_profile

    write_profile(profile, fspath(path))


def read_plan(path: str | PathLike[str]) -> Plan:
    """Read a plan file. Raises InputError with every fault, each with its line and column."""
    from shardplan.plan.file.read import read_plan

    return read_plan(fspath(path))


def write_plan(plan: Plan, path: str | PathLike[str]) -> None:
    """Write a plan file whole or not at all. Raises InputError where it cannot be written."""
    from shardplan.plan.file.write import write

    write(plan, fspath(path))
