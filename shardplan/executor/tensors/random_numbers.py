"""Random numbers without a state: each is a hash of its own counter, on whatever rank."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.executor.tensors.tensor import Tensor


def table_key(module: str, name: str, seed: int) -> int:
    """A signed 64-bit number for a table."""
    text = f"{seed}/{module}/{name}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), signed=True)


def uniform(counters: Tensor, key: int) -> Tensor:
    """fp32 in [0, 1), with 24 bits, for each int64 counter."""
    return _shifted(_mixed(counters, key), 40).float() * 2.0**-24


def uniform_double(counters: Tensor, key: int) -> Tensor:
    """fp64 in [0, 1), with 53 bits, for each int64 counter."""
    return _shifted(_mixed(counters, key), 11).double() * 2.0**-53


def _mixed(counters: Tensor, key: int) -> Tensor:
    """The finaliser of SplitMix64 (Steele et al. 2014) over ``key + counter * golden ratio``."""
    mixed = counters * _signed(0x9E3779B97F4A7C15) + key
    mixed = (mixed ^ _shifted(mixed, 30)) * _signed(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ _shifted(mixed, 27)) * _signed(0x94D049BB133111EB)
    return mixed ^ _shifted(mixed, 31)


def _shifted(values: Tensor, bits: int) -> Tensor:
    """A shift to the right that brings in zeros; PyTorch's own brings in the sign."""
    return (values >> bits) & ((1 << (64 - bits)) - 1)


def _signed(value: int) -> int:
    """The same 64 bits as a signed number: PyTorch multiplies int64 and wraps around."""
    return value - (1 << 64) if value >> 63 else value
