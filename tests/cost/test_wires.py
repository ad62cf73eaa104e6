"""What formats on the wire cost, against arithmetic by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from shardplan import Settings, explain, load, plan, verify
from shardplan.errors import InputError
from shardplan.explain.advice.advice import warnings
from shardplan.plan.decision import Decision, options_of
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.workload.wire.wire_collective import WireCollective
from shardplan.workload.wire.wire_type import WireType

if TYPE_CHECKING:
    from shardplan.case import Case

BATCH, POOLING, DIM = 1024, 10, 64
PLACED = (
    Decision(0, ShardingType.TABLE_WISE, Kernel.FUSED, 1, (0,)),
    Decision(1, ShardingType.ROW_WISE, Kernel.FUSED),
    Decision(2, ShardingType.TABLE_ROW_WISE, Kernel.FUSED, 1, (0,)),
    Decision(3, ShardingType.TABLE_WISE, Kernel.FUSED, 1, (0,)),
    Decision(4, ShardingType.DATA_PARALLEL, Kernel.DENSE),
)
"""Pooled but for the fourth, which has an output for each id."""


def case(**comm_dtype: Any) -> Case:
    tables = [
        {"name": f"t{i}", "rows": 100_000, "pooling": POOLING, "module": "seq" if i == 3 else "bag"}
        for i in range(len(PLACED))
    ]
    return load(
        {
            "batch": {"local": BATCH},
            "topology": {"name": "dgx-a100", "nodes": 2},
            "training": {"optimizer": "sgd", "comm_dtype": comm_dtype},
            "modules": {"seq": {"kind": "sequence"}},
            "defaults": {"dim": DIM},
            "tables": tables,
        }
    )


def exchanged(found: Case) -> np.ndarray[Any, Any]:
    """(tables, 2): seconds of a unit's outputs on the wire, and of their gradients."""
    names = [phase.name for phase in found.cost_model.phases]
    seconds = found.cost_model.unit_costs(options_of(PLACED)).load_seconds
    return seconds[:, [names.index("output_comm"), names.index("gradient_comm")]]


def test_bytes_of_a_number() -> None:
    known = WireType.named()
    assert [known[name].element_bytes for name in ("fp32", "fp16", "bf16")] == [4, 2, 2]
    assert known["int8"].element_bytes == 1.25
    assert round(known["mx4"].element_bytes, 2) == 0.53
    for row, scaled in ((4, 12), (5, 16), (64, 72), (130, 140)):
        assert WireType.named(row)["fp8"].element_bytes == scaled / row


def ours(encode: str, decode: str) -> dict[str, Any]:
    codec = {"ratio": 2, "encode": encode, "decode": decode, "error": "1%"}
    return {"forward": "ours", "backward": "ours", "codecs": {"ours": codec}}


def test_a_codec_adds_what_it_takes_to_encode_and_to_decode() -> None:
    """It has the bytes of fp16, so that nothing else differs."""
    plain = exchanged(case(forward="fp16", backward="fp16"))
    coded = exchanged(case(**ours("100GB/s", "25GB/s")))
    each = 4 / 100e9 + 4 / 25e9
    samples = BATCH * 16
    parts = samples * DIM * each
    legs = np.array([1, 1, 2, POOLING, 0])
    assert coded - plain == pytest.approx(np.outer(parts * legs, [1, 1]), rel=1e-9)


def test_formats_of_one_collective_leave_those_of_others() -> None:
    base = exchanged(case(forward="fp16", backward="fp16"))
    for collective, touched in (
        (WireCollective.REDUCE_SCATTER, [1, 2]),
        (WireCollective.POOLED_ALL_TO_ALL, [0, 2]),
        (WireCollective.SEQUENCE_ALL_TO_ALL, [3]),
    ):
        other = exchanged(
            case(forward="fp16", backward="fp16", **{str(collective): {"backward": "fp32"}})
        )
        assert other[:, 0] == pytest.approx(base[:, 0], rel=0.05)
        dearer = np.flatnonzero(other[:, 1] > base[:, 1] * 1.1)
        assert dearer.tolist() == touched, collective


@pytest.mark.parametrize("asked", ["fp8", "mx4"])
def test_what_is_summed_on_its_way_falls_back(asked: str) -> None:
    wires = case(forward=asked, backward=asked).workload.training.wires
    names = {each: tuple(wire.name for wire in wires[each]) for each in WireCollective}
    assert names == {
        WireCollective.POOLED_ALL_TO_ALL: (asked, asked),
        WireCollective.REDUCE_SCATTER: ("fp16", "bf16"),
        WireCollective.SEQUENCE_ALL_TO_ALL: (asked, asked),
    }
    int8 = case(forward="int8", backward="int8").workload.training.wires
    assert [wire.name for wire in int8.reduce_scatter] == ["int8", "int8"]


def test_copies_for_the_wire_take_the_bytes_of_the_format() -> None:
    def memory(**comm_dtype: Any) -> np.ndarray[Any, Any]:
        found = case(**comm_dtype)
        return found.cost_model.unit_costs(options_of(PLACED)).memory_bytes[:, 0]

    more = memory(forward="int8") - memory()
    samples = BATCH * 16
    outputs = samples * DIM * np.array([1, 1, 1, POOLING])
    assert more[:4] == pytest.approx(outputs * 1.25)


def test_the_plan_says_what_is_sent_and_explain_what_that_takes() -> None:
    spec = {
        "batch": {"local": BATCH},
        "topology": {"name": "dgx-a100", "nodes": 1},
        "training": {"optimizer": "sgd", "comm_dtype": {"forward": "fp8", "fp8_row": 64}},
        "tables": [{"name": "t", "rows": 1_000_000, "dim": DIM}],
        "constraints": [{"tables": "t", "sharding": "table_wise"}],
    }
    made = plan(load(spec), Settings(node_limit=5))
    assert not verify(made)
    assert made.training is not None
    stated = made.training.comm_dtype.model_dump(exclude_none=True)
    assert stated == {
        "forward": "fp8",
        "backward": "fp32",
        "reduce_scatter": {"forward": "fp16", "backward": "fp32"},
        "fp8_row": 64,
    }
    said = " ".join(explain(made).notes)
    assert "fp8 on the wire (pooled_all_to_all forward): 1.125 bytes of a number" in said
    assert "of the largest that share its scale" in said
    assert "to encode and to decode takes" in said


@pytest.mark.parametrize(
    ("comm_dtype", "told"),
    [
        ({"forward": "fp9"}, "did you mean 'fp8'?"),
        ({"reduce_scatter": {"backward": "our"}}, "must be one of"),
        ({"codecs": {"int8": {"ratio": 3, "encode": "1GB/s", "decode": "1GB/s", "error": 0.1}}},
         "is a format by itself"),
        (ours("100", "1GB/s"), "needs a unit"),
    ],
)  # fmt: skip
def test_faults_of_formats(comm_dtype: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as caught:
        case(**comm_dtype)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("sharding", "told"),
    [("row_wise", ["ours on the wire (reduce_scatter forward, reduce_scatter backward): 2 bytes of "
                   "a number, which may be off by 0.01 of itself"]),
     ("data_parallel", [])],
)  # fmt: skip
def test_explain_names_formats_in_which_anything_of_the_plan_travels(
    sharding: str, told: list[str]
) -> None:
    spec = {
        "batch": {"local": BATCH},
        "topology": {"name": "dgx-a100", "nodes": 1},
        "training": {"optimizer": "sgd", "comm_dtype": ours("100GB/s", "25GB/s")},
        "tables": [{"name": "t", "rows": 10_000, "dim": DIM}],
        "constraints": [{"tables": "t", "sharding": sharding}],
    }
    made = plan(load(spec), Settings(node_limit=5))
    said = explain(made).notes
    assert [note for note in said if "on the wire (" in note] == told
    assert any("to encode" in note for note in said) == bool(told)


def unused(**comm_dtype: Any) -> list[tuple[str, ...]]:
    return [each.path for each in warnings(case(**comm_dtype)) if each.code == "unused_codec"]


def test_a_codec_that_no_collective_takes_is_warned_of() -> None:
    asked = ours("100GB/s", "25GB/s")
    codecs = {"codecs": asked["codecs"]}
    assert unused(**asked) == unused(sequence_all_to_all={"forward": "ours"}, **codecs) == []
    assert unused(forward="fp16", **codecs) == [("training", "comm_dtype", "codecs", "ours")]


@pytest.mark.parametrize("name", ["fp16", "FP16", "Int8"])
def test_a_codec_is_not_called_as_a_format_in_any_case_of_letters(name: str) -> None:
    (codec,) = ours("100GB/s", "25GB/s")["codecs"].values()
    with pytest.raises(InputError, match="a format by itself"):
        case(codecs={name: codec})
