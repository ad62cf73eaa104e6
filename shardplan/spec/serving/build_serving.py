"""From a spec to how the model is served."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from shardplan.sharding.geometry import padded_columns
from shardplan.spec.build_workload import build_workload
from shardplan.spec.spec import OF_TRAINING
from shardplan.workload.dtype import Dtype
from shardplan.workload.serving.dense_seconds import DenseSeconds
from shardplan.workload.serving.pruned_rows import PrunedRows
from shardplan.workload.serving.served_table import ServedTable
from shardplan.workload.serving.serving import Serving
from shardplan.workload.serving.side import Side
from shardplan.workload.serving.stored_format import StoredFormat

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shardplan.diagnostics import Diagnostic
    from shardplan.spec.loaded import LoadedSpec
    from shardplan.spec.serving.serving_spec import ServingSpec
    from shardplan.spec.spec import Spec
    from shardplan.spec.tables.table_spec import TableSpec

_OWN = {Dtype.FP32: StoredFormat.FP32, Dtype.FP16: StoredFormat.FP16}
"""What rows are stored in where nothing is offered: FBGEMM's inference has no bf16 rows."""

_NEVER = frozenset({"batch", "training"})
"""Of the keys that do not go with serving, those that mean nothing there."""


def build_serving(spec: Spec) -> Serving:
    """Of a spec without faults that has ``serving``."""
    said = spec.serving
    assert said is not None, "the caller asks of a spec for serving"
    tables = build_workload(spec, world_size=1).tables
    return Serving(
        name=spec.name,
        tables=tuple(
            ServedTable(
                table=table,
                side=written.side or spec.defaults.side or Side.ITEM,
                losses=_losses(written, spec),
                prunings=tuple(
                    PrunedRows(written.rows, _kept(written.rows, each.rows), each.loss)
                    for each in written.prune or ()
                ),
            )
            for table, written in zip(tables, spec.tables, strict=True)
        ),
        load=said.load.load,
        sizes=said.query.sizes,
        limits=said.limits,
        loss_at_most=said.quality.loss_at_most if said.quality else None,
        batching=said.batching.batching,
        replicas=said.replicas.limits,
        output_dtype=said.output_dtype,
        dense={kind: DenseSeconds(each.base, each.per_sample) for kind, each in said.dense.items()},
        cv=said.service_cv,
    )


def _kept(rows: int, left_out: float) -> int:
    return max(1, rows - int(rows * left_out))


def serving_faults(loaded: LoadedSpec) -> Iterator[Diagnostic]:
    """What of a spec for serving does not fit together."""
    spec, written = loaded.spec, loaded.document.value
    if not isinstance(written, dict) or written.get("serving") is None:
        return
    for key in OF_TRAINING:
        if key in written:
            message = "does not go with serving" + ("" if key in _NEVER else " yet")
            hint = f"leave out {key} or serving: a plan is for training a model or for serving it"
            yield loaded.document.diagnostic((key,), message, hint, "contradiction", on_key=True)
    if spec.serving is None:
        return
    replicas = spec.serving.replicas
    if replicas.spare >= replicas.max:
        message = f"leaves none of {replicas.max:,} replicas to serve"
        yield loaded.document.diagnostic(("serving", "replicas", "spare"), message, "raise max")
    for index, table in enumerate(spec.tables):
        yield from _table_faults(loaded, index, table, spec.serving)


def unknown_losses(spec: Spec) -> dict[StoredFormat, int]:
    """Formats that are offered and not taken, since quality is limited and nobody says what they
    lose: of how many tables."""
    if spec.serving is None or spec.serving.quality is None:
        return {}
    return dict(
        Counter(
            form
            for table in spec.tables
            for form in table.dtypes or spec.serving.dtypes or ()
            if form not in _known(table, spec)
        )
    )


def _table_faults(
    loaded: LoadedSpec, index: int, table: TableSpec, serving: ServingSpec
) -> Iterator[Diagnostic]:
    spec = loaded.spec
    if table.dynamic is not None:
        message = "dynamic tables are not planned for serving"
        yield loaded.at_table(index, "dynamic", message, "plan it without dynamic")
    offered = table.dtypes or serving.dtypes
    used = table.dim or spec.defaults.dim
    dim = None if used is None else padded_columns(used)
    if offered is None and (table.dtype or spec.defaults.dtype) not in _OWN:
        message = f"inference stores no rows in {table.dtype or spec.defaults.dtype}"
        yield loaded.at_table(index, "dtype", message, "say in serving.dtypes what is offered")
    fitting = [form for form in offered or () if dim is None or form.fits(dim)]
    if offered is not None and not fitting:
        message = f"rows of {dim} columns end inside a byte in {', '.join(offered)}"
        yield loaded.at_table(index, "dim", message, "offer int8 too")
    if serving.quality is None or not fitting:
        return
    known = _known(table, spec)
    if not any(form in known for form in fitting):
        message = f"nobody says what {', '.join(fitting)} lose of its quality"
        hint = "give quality_loss for the table or in defaults, or leave out serving.quality"
        yield loaded.at_table(index, "quality_loss", message, hint, "contradiction")


def _known(table: TableSpec, spec: Spec) -> Mapping[StoredFormat, float]:
    """The losses that are known: none of what rows were trained in."""
    own = _OWN.get(table.dtype or spec.defaults.dtype)
    free = {own: 0.0} if own else {}
    if own is StoredFormat.FP16:
        free |= {StoredFormat.FP32: 0.0}
    return {**free, **(spec.defaults.quality_loss or {}), **(table.quality_loss or {})}


def _losses(table: TableSpec, spec: Spec) -> Mapping[StoredFormat, float]:
    """Of the formats that a table may be stored in; with a budget, those whose loss is known."""
    assert spec.serving is not None, "the caller asks of a spec for serving"
    offered = table.dtypes or spec.serving.dtypes
    if offered is None:
        offered = (_OWN[table.dtype or spec.defaults.dtype],)
    used = table.dim or spec.defaults.dim
    assert used is not None, "a loaded spec has a dim for every table"
    dim = padded_columns(used)
    known = _known(table, spec)
    has_budget = spec.serving.quality is not None
    return {
        form: known.get(form, 0.0)
        for form in offered
        if form.fits(dim) and (form in known or not has_budget)
    }
