"""Batches as sharded modules of TorchRec have to get them, to read them as unsharded ones do."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from torchrec.sparse.jagged_tensor import KeyedJaggedTensor

if TYPE_CHECKING:
    from collections.abc import Iterable


class IdWeights(Enum):
    """What weights of ids are to a module."""

    COUNT = "each row counts by the weight of its id"
    IGNORED = "they are left out: TorchRec weighs whatever has weights"
    OWN = "the module makes its own"


class BatchReader:
    """Brings the features of every batch into the order of the first, to which TorchRec keeps.

    And takes away what the unsharded module would not look at.
    """

    def __init__(self, features: Iterable[str], weights: IdWeights) -> None:
        """``features`` are those that the module reads."""
        self._features = set(features)
        self.weights = weights
        self._first_keys: list[str] | None = None

    def read(self, features: Any) -> Any:
        """The batch.

        Raises ValueError where features or weights of ids are missing, where such weights want a
        gradient, and where features that have batches of their own size change their order.
        """
        if not isinstance(features, KeyedJaggedTensor):
            return features
        return self._in_order(self._weighed(features))

    def _weighed(self, features: KeyedJaggedTensor) -> KeyedJaggedTensor:
        weights = features.weights_or_none()
        if self.weights is IdWeights.OWN:
            return features
        if self.weights is IdWeights.IGNORED:
            return features if weights is None else without_weights(features)
        if weights is None:
            raise ValueError("the module weighs ids, and those of the batch have no weights")
        if weights.requires_grad:
            raise ValueError("weights of ids get no gradient under TorchRec: detach them")
        return features

    def _in_order(self, features: KeyedJaggedTensor) -> KeyedJaggedTensor:
        """The features in the order that TorchRec has seen first."""
        keys = features.keys()
        if missing := sorted(self._features.union(self._first_keys or ()) - set(keys)):
            raise ValueError(f"the batch lacks the features {', '.join(missing)}")
        if self._first_keys is None:
            self._first_keys = list(keys)
        if keys == self._first_keys:
            return features
        if features.variable_stride_per_key():
            raise ValueError(
                "features that have batches of their own size come in another order than before: "
                f"{', '.join(keys)}, not {', '.join(self._first_keys)}"
            )
        return features.permute([keys.index(key) for key in self._first_keys])


def without_weights(features: KeyedJaggedTensor) -> KeyedJaggedTensor:
    """The same ids in a batch of its own, without weights."""
    return _made_of(features, features.values(), None)


def with_values(features: KeyedJaggedTensor, values: Any) -> KeyedJaggedTensor:
    """Other ids in their places, in a batch of its own."""
    return _made_of(features, values, features.weights_or_none())


def _made_of(features: KeyedJaggedTensor, values: Any, weights: Any) -> KeyedJaggedTensor:
    own_sizes = features.variable_stride_per_key()
    return KeyedJaggedTensor(
        keys=features.keys(),
        values=values,
        weights=weights,
        lengths=features.lengths(),
        stride=None if own_sizes else features.stride(),
        stride_per_key_per_rank=features.stride_per_key_per_rank() if own_sizes else None,
        inverse_indices=features.inverse_indices_or_none(),
    )
