"""From a cost-model file to the figures that the analytic cost model computes with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shardplan.cost.algorithms.all_algorithms import ALGORITHMS
from shardplan.cost.dense.dense_rates import DenseRates
from shardplan.cost.profile.algorithm_costs import AlgorithmCosts
from shardplan.cost.profile.build_gemm import build_gemm
from shardplan.cost.profile.corrections import Correction, Corrections
from shardplan.cost.profile.profile import (
    CacheCosts,
    DynamicCosts,
    HostEfficiency,
    KernelCosts,
    LookupRates,
    Profile,
    ScaleOut,
    ScaleUp,
)
from shardplan.topology.measured.machine_curves import across_curves, inside_curves

if TYPE_CHECKING:
    from shardplan.cost.profile.correction_file import CorrectionFile
    from shardplan.cost.profile.profile_file import (
        AlgorithmFile,
        CacheFile,
        DynamicFile,
        KernelFile,
        ProfileFile,
        RatesFile,
        ScaleUpFile,
    )
    from shardplan.spec.fields.figure import Figure


def build_profile(file: ProfileFile) -> Profile:
    """The profile that a file describes."""
    scale_out = file.scale_out
    return Profile(
        name=file.name,
        on_chip_cache_bytes=int(_value(file.on_chip_cache)),
        page_bytes=int(_value(file.page)),
        lookup_forward=_kernel(file.lookup_forward),
        update_backward=_kernel(file.update_backward),
        dense_update_bytes_per_second=file.dense_update.value,
        scale_up=_scale_up(file.scale_up),
        scale_out=ScaleOut(
            efficiency=scale_out.efficiency.value,
            latency_seconds=scale_out.latency.value,
            latency_seconds_per_node=scale_out.latency_per_node.value,
            seconds_per_peer=_value(scale_out.per_peer),
            algorithms=tuple(_algorithm(each) for each in scale_out.algorithms),
            curves=across_curves(scale_out.curves),
        ),
        cache=_cache(file.cache) if file.cache else None,
        dynamic=_dynamic(file.dynamic) if file.dynamic else None,
        dense=_dense(file),
        phase_files=file.phase_files,
        corrections=Corrections(tuple(map(_correction, file.corrections))),
    )


def _kernel(file: KernelFile) -> KernelCosts:
    return KernelCosts(
        launch_seconds=file.launch.value,
        hbm=_rates(file.hbm),
        ddr=_rates(file.ddr),
        ddr_path=HostEfficiency(
            read=_value(file.ddr.path_read), unique=_value(file.ddr.path_unique)
        ),
    )


def _rates(file: RatesFile) -> LookupRates:
    return LookupRates(
        per_table=_value(file.per_table),
        per_id=_value(file.per_id),
        per_read_byte=_per_byte(file.read),
        per_cached_byte=_per_byte(file.cached_read),
        per_fetch=_value(file.per_fetch),
        per_unique_row=_value(file.per_unique_row),
        per_unique_byte=_per_byte(file.unique),
        per_output_byte=_per_byte(file.output),
        per_gathered_byte=_per_byte(file.gather),
    )


def _cache(file: CacheFile) -> CacheCosts:
    return CacheCosts(
        per_id=file.per_id.value,
        path=file.path.value,
        ssd_page_bytes=file.ssd_page.value,
        ddr_entry_bytes=file.ddr_entry.value,
    )


def _dynamic(file: DynamicFile) -> DynamicCosts:
    return DynamicCosts(
        per_id=file.per_id.value,
        per_host_row=file.per_host_row.value,
        per_missed_row=file.per_missed_row.value,
        path=file.path.value,
    )


def _dense(file: ProfileFile) -> DenseRates | None:
    """None also where a grid is but named, and has not been read (``with_grid``)."""
    if file.gemm is None or file.elementwise is None:
        return None
    cached = _value(file.lookup_forward.hbm.cached_read)
    gemm = build_gemm(file.gemm, file.elementwise.value, cached)
    if gemm is None:
        return None
    return DenseRates(
        gemm=gemm,
        tf32=file.gemm.tf32.value if file.gemm.tf32 else None,
        fp32=file.gemm.fp32.value if file.gemm.fp32 else None,
        elementwise_bytes_per_second=file.elementwise.value,
    )


def _scale_up(file: ScaleUpFile) -> ScaleUp:
    found = ScaleUp.of(inside_curves(file.curves, file.link.value))
    assert found is not None, "the file has a curve of each collective"
    return found


def _algorithm(file: AlgorithmFile) -> AlgorithmCosts:
    return AlgorithmCosts(
        algorithm=ALGORITHMS[file.algorithm],
        protocol=file.protocol,
        start_seconds=file.start,
        inside_seconds=file.inside,
        across_seconds=file.across,
        share=file.share,
        most_bytes_per_second=file.most,
    )


def _correction(file: CorrectionFile) -> Correction:
    return Correction(
        phase=file.phase,
        sharding=file.sharding,
        factor=file.factor,
        per_step_seconds=file.per_step,
        per_table_seconds=file.per_table,
        per_group_seconds=file.per_group,
    )


def _value(figure: Figure[Any] | None) -> float:
    return float(figure.value) if figure else 0.0


def _per_byte(rate: Figure[Any] | None) -> float:
    return 1 / rate.value if rate else 0.0
