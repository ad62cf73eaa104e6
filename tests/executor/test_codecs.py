"""Codecs take the bytes that the planner counts, and are off by no more than it says."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch

from shardplan.executor.exchange.wire import Wire
from shardplan.workload.wire.wire_type import WireType


@pytest.mark.parametrize("name", ["int8", "fp8"])
@pytest.mark.parametrize("numbers", [0, 1, 31, 32, 33, 128, 1000, 12_800])
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e9])
def test_a_number_comes_back_within_its_error(name: str, numbers: int, scale: float) -> None:
    random = torch.Generator().manual_seed(numbers)
    values = torch.randn(numbers, generator=random) * scale
    values[numbers // 2 :] *= 1e-3
    codec = Wire.of(name).codec
    assert codec is not None
    encoded = codec.encode(values)
    back = codec.decode(encoded, numbers)
    assert encoded.dtype == torch.uint8
    assert len(encoded) == codec.encoded_bytes(numbers)
    assert back.shape == values.shape
    row = 32 if name == "int8" else 128
    error = WireType.named()[name].error
    for first in range(0, numbers, row):
        ours, theirs = values[first : first + row], back[first : first + row]
        assert (ours - theirs).abs().max() <= error * 1.01 * 2 * ours.abs().max()


@pytest.mark.parametrize("name", ["int8", "fp8"])
def test_whole_rows_take_the_bytes_that_are_planned(name: str) -> None:
    numbers = 128 * 50
    codec = Wire.of(name).codec
    assert codec is not None
    assert codec.encoded_bytes(numbers) == WireType.named()[name].element_bytes * numbers


@pytest.mark.parametrize("name", ["int8", "fp8"])
def test_numbers_all_alike_and_zeros_come_back_exactly(name: str) -> None:
    codec = Wire.of(name).codec
    assert codec is not None
    for value in (0.0, 448.0, -3.5):
        values = torch.full((70,), value)
        assert torch.equal(codec.decode(codec.encode(values), 70), values)


def test_a_format_that_the_engine_has_not_is_an_error() -> None:
    for name in ("mx4", "ours"):
        with pytest.raises(ValueError, match=name):
            Wire.of(name)
