"""What all tests share: hypothesis profiles, golden files, and tests that wait for a library."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import effort
import pytest
from hypothesis import settings

# Tests share the cores, and expect the same plans on any number of them.
os.environ.setdefault("SHARDPLAN_THREADS", "1")
effort.register()
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", effort.QUICK))

ROOT = Path(__file__).parents[1]
SKIPPED = "shardplan/skipped"
"""Under this key pytest's cache keeps what the last run skipped."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write golden files instead of comparing"
    )
    parser.addoption(
        "--skipped-before",
        action="store_true",
        help="run what the last run skipped and nothing else, as after the install of a library",
    )


def pytest_configure(config: pytest.Config) -> None:
    is_worker = hasattr(config, "workerinput")
    if config.getoption("--skipped-before"):
        config.pluginmanager.register(SkippedBefore(config))
    elif not is_worker and config.pluginmanager.has_plugin("cacheprovider"):
        config.pluginmanager.register(Skips(config))


class Skips:
    """Keeps the tests and modules that a run skips."""

    def __init__(self, config: pytest.Config) -> None:
        self.config, self.names = config, set()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self.names.add(report.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped:
            self.names.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        self.config.cache.set(SKIPPED, sorted(self.names))


class SkippedBefore:
    """Leaves out all but what ``Skips`` kept."""

    def __init__(self, config: pytest.Config) -> None:
        self.root = config.rootpath
        self.names = set(config.cache.get(SKIPPED, []))
        self.files = {name.split("::")[0] for name in self.names}

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        name = collection_path.relative_to(self.root).as_posix()
        return (name.endswith(".py") and name not in self.files) or None

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        kept = [item for item in items if self.names & {item.nodeid, item.nodeid.split("::")[0]}]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
        items[:] = kept


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Units of work in place of single tests; begun in the order of the items."""
    from work_units import WorkUnits

    return WorkUnits(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests begin first, so that no worker is left with one when the others have ended.

    Ranks begin before all else: they wait for one another, and leave cores to other tests.
    """
    items.sort(key=lambda item: (not _has_ranks(item), item.get_closest_marker("slow") is None))


def _has_ranks(item: pytest.Item) -> bool:
    return item.path.relative_to(ROOT / "tests").parts[0].startswith("executor")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files shall be written instead of compared."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of measured data beside the project; skips where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the folder shared/data beside the project is absent")
    return folder
