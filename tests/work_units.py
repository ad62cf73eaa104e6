"""Which tests one worker of pytest-xdist runs, one after the other."""

from __future__ import annotations

from pathlib import PurePosixPath

from xdist.scheduler import LoadScopeScheduling

SHARING = ("tests/executor", "tests/executor_torchrec", "tests/calibrate/steps")
"""Folders whose tests share what takes long to make: processes that stay, a design of plans."""


class WorkUnits(LoadScopeScheduling):
    """A file is a unit, so that what its tests share is made once; so is a folder that shares more.

    By the path alone: with pytest 9.2 the marks of ``--dist loadgroup`` are passed over without a
    word (pytest-xdist 1386), and every worker starts ranks of its own.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = PurePosixPath(nodeid.partition("::")[0])
        return str(path.parent if str(path.parent) in SHARING else path)
