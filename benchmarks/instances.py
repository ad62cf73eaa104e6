"""The problems of the benchmarks: tables, a cluster, and a ruler to measure plans with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from table_sets import (
    DATA,
    generated,
    neuroshard_task,
    published_set,
    rows_of,
    sample_of_856,
)

from shardplan.build_case import case_of_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shardplan.case import Case

    Specs = Iterator[tuple[str, dict[str, Any]]]
    """Names of problems, and their specs but for the ruler."""

HERE = Path(__file__).parent
GLOBAL_BATCH = 65_536
"""Of the real table sets."""
_TORCHREC_LOCAL_BATCH = 4096
"""Of the generated problems, under TorchRec's ruler."""
_LARGEST_GLOBAL_BATCH = 131_072
"""Of the generated problems, under ours: the local batch shrinks as devices are added."""
_SKEWED = {"access": {"zipf": 1.05}}
"""The ids of Criteo, by the customary exponent; those of DLRM-DCNv2 stand for sets of ids drawn
once, so that a hot one makes its whole set hot (docs/spec.md)."""
_BENCH_SIZES = ((26, 8), (100, 16), (500, 64), (1000, 128))


class Ruler(StrEnum):
    """What a plan is measured by."""

    BALANCE = "balance"
    """TorchRec's own: its estimator, and the slowest rank's sum of all phases."""
    STEP_TIME = "step_time"
    """Ours: the profile ``h100``, and the time of a step."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One problem under one ruler; ``spec`` holds plain values, as a spec file would."""

    family: str
    name: str
    ruler: Ruler
    spec: dict[str, Any]

    def case(self) -> Case:
        """Everything that planning needs."""
        return case_of_value(self.spec, self.name)


def generated_instance(tables: int, devices: int, ruler: Ruler, seed: int = 0) -> Instance:
    """The generator's problem of a size; the devices come in nodes of 8."""
    name = f"{tables}x{devices}" + (f"-{seed}" if seed else "")
    return _instance("generated", name, ruler, _generated_spec(tables, devices, ruler, seed))


def instances(family: str, ruler: Ruler) -> Iterator[Instance]:
    """The problems of a family, the smallest first."""
    for name, spec in FAMILIES[family](ruler):
        yield _instance(family, name, ruler, spec)


def _dlrm(ruler: Ruler) -> Specs:
    tables = published_set("mlperf-dlrm-dcnv2", **_SKEWED)
    for nodes in (1, 2):
        yield f"dlrm-dcnv2 x {8 * nodes}", _on_dgx(tables, nodes, "adagrad")


def _criteo(ruler: Ruler) -> Specs:
    capped, raw = (
        published_set("criteo-1tb-40m", **_SKEWED),
        published_set("criteo-1tb-raw", **_SKEWED),
    )
    yield "criteo-1tb-40m x 8", _on_dgx(capped, 1, "rowwise_adagrad")
    yield "criteo-1tb-raw x 16", _on_dgx(raw, 2, "rowwise_adagrad")


def _hugectr(ruler: Ruler) -> Specs:
    for name in ("t180", "t200"):
        tables = published_set(f"hugectr-{name}", access={"zipf": 1.1})
        yield f"{name} x 16", _on_dgx(tables, 2, "sgd")


def _neuroshard(ruler: Ruler) -> Specs:
    for number in range(4):
        cluster = _cluster(4, 8 * 2**30)
        tables, batch = neuroshard_task(number), {"global": GLOBAL_BATCH}
        yield f"task {number} x 4", _spec(tables, cluster, batch, {"optimizer": "sgd"})


def _dlrm856(ruler: Ruler) -> Specs:
    for count, nodes in ((100, 2), (400, 8)):
        tables = sample_of_856(count)
        yield f"{count} of 856 x {8 * nodes}", _on_dgx(tables, nodes, "rowwise_adagrad")


def _generated(ruler: Ruler) -> Specs:
    for tables, devices in _BENCH_SIZES:
        yield f"{tables}x{devices}", _generated_spec(tables, devices, ruler)


FAMILIES: dict[str, Callable[[Ruler], Specs]] = {
    "dlrm": _dlrm,
    "criteo": _criteo,
    "hugectr": _hugectr,
    "neuroshard": _neuroshard,
    "dlrm856": _dlrm856,
    "generated": _generated,
}
"""Families by name. All but ``generated`` need the folder shared/data beside the project."""


def available_families() -> list[str]:
    """The families whose data is there."""
    return list(FAMILIES) if DATA.is_dir() else ["generated"]


def read_yaml(name: str) -> dict[str, Any]:
    """One of the YAML files of this folder."""
    value: dict[str, Any] = yaml.safe_load((HERE / name).read_text(encoding="utf-8"))
    return value


def _generated_spec(tables: int, devices: int, ruler: Ruler, seed: int = 0) -> dict[str, Any]:
    drawn = generated(tables, devices, seed)
    local = _TORCHREC_LOCAL_BATCH
    if ruler is Ruler.STEP_TIME:
        local = min(local, _LARGEST_GLOBAL_BATCH // devices)
    return _spec(
        rows_of(drawn.tables),
        _cluster(devices, drawn.hbm_bytes),
        {"local": local},
        {"optimizer": "rowwise_adagrad"},
    )


def _on_dgx(tables: list[dict[str, Any]], nodes: int, optimizer: str) -> dict[str, Any]:
    cluster = {"name": "dgx-h100", "nodes": nodes}
    spec = _spec(tables, cluster, {"global": GLOBAL_BATCH}, {"optimizer": optimizer})
    return spec | {"reserve": {"hbm": "15%"}}


def _cluster(devices: int, hbm_bytes: int) -> dict[str, Any]:
    """Nodes of 8 devices, or a single smaller one."""
    value = read_yaml("cluster.yaml")
    each = min(8, devices)
    value |= {"nodes": devices // each, "devices_per_node": each}
    value["device"]["hbm"]["capacity"] = f"{hbm_bytes}B"
    return value


def _spec(
    tables: list[dict[str, Any]],
    topology: dict[str, Any],
    batch: dict[str, int],
    training: dict[str, Any],
) -> dict[str, Any]:
    """HBM only, and columns cut under any optimizer, since that is what all contenders can plan."""
    return {
        "batch": batch,
        "topology": topology,
        "training": {"pipeline": "sparse_dist", "exact_updates": False, **training},
        "tables": tables,
        "constraints": [{"tables": "*", "kernels": ["fused", "dense"]}],
        "reserve": {"hbm": "0%", "ddr": "0%"},
    }


def _instance(family: str, name: str, ruler: Ruler, spec: dict[str, Any]) -> Instance:
    cost_model = read_yaml("ruler.yaml") if ruler is Ruler.BALANCE else "h100"
    more = {"name": name, "objective": ruler.value, "cost_model": cost_model}
    return Instance(family, name, ruler, spec | more)
