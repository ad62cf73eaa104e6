"""Jobs are drawn as the benchmarks draw them; and TorchRec warns of itself while it is imported,
which tests would take for failures."""

import importlib
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
collect_ignore_glob = ["test_*.py"] if find_spec("torchrec") is None else []
if find_spec("torchrec") is not None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("shardplan.torchrec")
