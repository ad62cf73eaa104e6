"""Problems that the search was made with: published table sets, and the generator's with seed 0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from problem_specs import GLOBAL_BATCH, Ruler, bench_cluster, on_bench, on_dgx, spec_of
from table_sets import generated, neuroshard_task, published_set, rows_of, sample_of_856

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Specs = Iterator[tuple[str, dict[str, Any]]]
    """Names of problems, and their specs but for the ruler."""

_SKEWED = {"access": {"zipf": 1.05}}
"""The ids of Criteo, by the customary exponent; those of DLRM-DCNv2 stand for sets of ids drawn
once, so that a hot one makes its whole set hot (docs/spec.md)."""
_BENCH_SIZES = ((26, 8), (100, 16), (500, 64), (1000, 128))


def generated_spec(tables: int, devices: int, ruler: Ruler, seed: int = 0) -> dict[str, Any]:
    """The generator's problem of a size."""
    drawn = generated(tables, devices, seed)
    return on_bench(rows_of(drawn.tables), devices, drawn.hbm_bytes, ruler)


def _dlrm(ruler: Ruler) -> Specs:
    tables = published_set("mlperf-dlrm-dcnv2", **_SKEWED)
    for nodes in (1, 2):
        yield f"dlrm-dcnv2 x {8 * nodes}", on_dgx(tables, nodes, "adagrad")


def _criteo(ruler: Ruler) -> Specs:
    capped, raw = (
        published_set("criteo-1tb-40m", **_SKEWED),
        published_set("criteo-1tb-raw", **_SKEWED),
    )
    yield "criteo-1tb-40m x 8", on_dgx(capped, 1, "rowwise_adagrad")
    yield "criteo-1tb-raw x 16", on_dgx(raw, 2, "rowwise_adagrad")


def _hugectr(ruler: Ruler) -> Specs:
    for name in ("t180", "t200"):
        tables = published_set(f"hugectr-{name}", access={"zipf": 1.1})
        yield f"{name} x 16", on_dgx(tables, 2, "sgd")


def _neuroshard(ruler: Ruler) -> Specs:
    for number in range(4):
        yield f"task {number} x 4", neuroshard_spec(number)


def neuroshard_spec(number: int) -> dict[str, Any]:
    """One of NeuroShard's placement tasks on 4 devices."""
    tables, batch = neuroshard_task(number), {"global": GLOBAL_BATCH}
    return spec_of(tables, bench_cluster(4, 8 * 2**30), batch, {"optimizer": "sgd"})


def _dlrm856(ruler: Ruler) -> Specs:
    for count, nodes in ((100, 2), (400, 8)):
        tables = sample_of_856(count)
        yield f"{count} of 856 x {8 * nodes}", on_dgx(tables, nodes, "rowwise_adagrad")


def _generated(ruler: Ruler) -> Specs:
    for tables, devices in _BENCH_SIZES:
        yield f"{tables}x{devices}", generated_spec(tables, devices, ruler)


KNOWN: dict[str, Callable[[Ruler], Specs]] = {
    "dlrm": _dlrm,
    "criteo": _criteo,
    "hugectr": _hugectr,
    "neuroshard": _neuroshard,
    "dlrm856": _dlrm856,
    "generated": _generated,
}
"""By name. All but ``generated`` need the folder shared/data beside the project."""
