"""What optimizers keep beside tables, by the elements of each row that FBGEMM's source has."""

from __future__ import annotations

import pytest

from shardplan.errors import InputError
from shardplan.spec.build_workload import build_workload
from shardplan.spec.load import spec_from_value
from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import OPTIMIZERS, Optimizer
from shardplan.workload.optimizers.trainable import cpu_fault, native_fault
from shardplan.workload.optimizers.weight_decay import WeightDecayMode
from shardplan.workload.training import Training

DIM = 48
ELEMENTS = {
    "sgd": 0,
    "adagrad": DIM,
    "rowwise_adagrad": 1,
    "adam": 2 * DIM,
    "lamb": 2 * DIM,
    "partial_rowwise_adam": DIM + 1,
    "partial_rowwise_lamb": DIM + 1,
    "lars_sgd": DIM,
    "ensemble_rowwise_adagrad": DIM + 1,
    "ema_in_place_rowwise_adagrad": 1,
}
"""fp32 numbers of one row of a shard that wide."""
PER_ROW = {
    "rowwise_adagrad",
    "partial_rowwise_adam",
    "partial_rowwise_lamb",
    "ensemble_rowwise_adagrad",
    "ema_in_place_rowwise_adagrad",
}


def faults(training: dict[str, object]) -> list[str]:
    """Of a spec with such settings."""
    value = {
        "batch": {"local": 8},
        "topology": "dgx-h100",
        "training": training,
        "tables": [{"name": "a", "rows": 100, "dim": 8}],
    }
    try:
        return [fault.message for fault in spec_from_value(value, "spec").faults]
    except InputError as error:
        return [fault.message for fault in error.diagnostics]


def test_every_optimizer_is_in_the_table() -> None:
    assert {each.name for each in OPTIMIZERS} == ELEMENTS.keys()


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_a_row_has_as_many_numbers_as_fbgemm_keeps(optimizer: Optimizer) -> None:
    assert optimizer.state().row_bytes(DIM) == 4 * ELEMENTS[optimizer.name]


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_numbers_of_a_row_are_kept_for_each_column_shard(optimizer: Optimizer) -> None:
    state = optimizer.state()
    more = 4 * state.row_bytes(DIM // 4) - state.row_bytes(DIM)
    assert more == 3 * 4 * (optimizer.name in PER_ROW)


@pytest.mark.parametrize(
    ("mode", "more"),
    [
        ("none", 0),
        ("l2", 0),
        ("decouple", 0),
        ("decouple_global", 1),
        ("counter", 2),
        ("cowclip", 2),
    ],
)
def test_weight_decay_by_row_keeps_numbers_of_each_row(mode: str, more: int) -> None:
    state = Optimizer.ROWWISE_ADAGRAD.state(WeightDecayMode(mode))
    assert (state.row_bytes(DIM), state.row_bytes(2 * DIM)) == (4 + 4 * more, 4 + 4 * more)


def test_adam_counts_updates_of_rows_where_it_is_asked_to_and_on_ssd() -> None:
    plain, asked = Optimizer.ADAM.state(), Optimizer.ADAM.state(corrects_rows=True)
    assert asked.row_bytes(DIM) - plain.row_bytes(DIM) == 4
    assert (plain.ssd_bytes_per_row, asked.ssd_bytes_per_row) == (4, 0)


@pytest.mark.parametrize(
    ("optimizer", "dtypes", "bytes_of_a_row"),
    [
        ("partial_rowwise_adam", {"momentum1": "bf16"}, 2 * DIM + 4),
        ("partial_rowwise_adam", {"momentum1": "fp16", "momentum2": "fp16"}, 2 * DIM + 2),
        ("ensemble_rowwise_adagrad", {"momentum2": "fp16"}, 2 * DIM + 4),
    ],
)
def test_number_formats_of_state_are_those_of_the_spec(
    optimizer: str, dtypes: dict[str, str], bytes_of_a_row: int
) -> None:
    value = {
        "batch": {"local": 8},
        "topology": "dgx-h100",
        "training": {"optimizer": optimizer, "optimizer_state_dtypes": dtypes},
        "tables": [{"name": "a", "rows": 100, "dim": DIM}],
    }
    training = build_workload(spec_from_value(value, "spec").spec, 8).training
    assert training.state.row_bytes(DIM) == bytes_of_a_row


@pytest.mark.parametrize(
    ("training", "words"),
    [
        (
            {"optimizer": "adam", "optimizer_state_dtypes": {"momentum1": "bf16"}},
            "FBGEMM keeps the momentum1 of adam in fp32",
        ),
        (
            {"optimizer": "sgd", "optimizer_state_dtypes": {"momentum2": "fp16"}},
            "sgd has no momentum2",
        ),
        (
            {"optimizer": "ensemble_rowwise_adagrad", "weight_decay_mode": "counter"},
            "ensemble_rowwise_adagrad has no such mode in FBGEMM",
        ),
        ({"optimizer": "lamb", "use_rowwise_bias_correction": True}, "lamb has none in FBGEMM"),
    ],
)
def test_settings_that_fbgemm_has_not_are_refused(training: dict[str, object], words: str) -> None:
    assert faults(training) == [words]


def test_engines_say_what_they_cannot_train() -> None:
    can = [each.name for each in OPTIMIZERS if not native_fault(Training(each))]
    assert can == ["sgd", "adagrad", "rowwise_adagrad", "adam"]
    on_cpu = [each.name for each in OPTIMIZERS if not cpu_fault(Training(each))]
    assert on_cpu == ["sgd", "adagrad", "rowwise_adagrad", "ema_in_place_rowwise_adagrad"]
    assert native_fault(Training(Optimizer.LAMB)) == (
        "lamb: the native engine has sgd, adagrad, rowwise_adagrad and adam alone"
    )
    counting = Training(weight_decay_mode=WeightDecayMode.COUNTER)
    assert "weight_decay_mode counter" in native_fault(counting)


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_columns_are_coupled_by_numbers_of_rows_and_by_norms(optimizer: Optimizer) -> None:
    norms = {"lamb", "partial_rowwise_lamb", "lars_sgd"}
    assert optimizer.couples_columns == (optimizer.name in PER_ROW | norms)


def test_formats_are_fp32_whatever_the_weights_are() -> None:
    assert {tensor.dtype for each in OPTIMIZERS for tensor in each.tensors} == {Dtype.FP32}
