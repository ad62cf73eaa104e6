"""Finds the embeddings of a PyTorch model that no plan speaks of: their gradients are dense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from shardplan.model.sparse_modules import sparse_modules
from shardplan.units import format_bytes
from shardplan.workload.dtype import Dtype
from shardplan.workload.labels import spoken

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LARGE_FRACTION = 0.1
"""Of the bytes of all planned tables: from here on an embedding is no layer like others."""
_MOST = 5
"""Embeddings that a note names."""
_PLAIN = ("torch.nn.modules.sparse.Embedding", "torch.nn.modules.sparse.EmbeddingBag")


@dataclass(frozen=True, slots=True)
class DenseEmbedding:
    """A plain embedding, which stands whole on every rank as layers do.

    Its gradients have as many rows as it, and every step all-reduces them.
    """

    path: str
    class_name: str
    rows: int
    dim: int
    bytes: int
    """Of its weights."""

    @property
    def place(self) -> str:
        """Where in the model it is."""
        return spoken(self.path)

    @property
    def words(self) -> str:
        """Where it is, what it is and how large."""
        size = f"{self.rows:,} rows x {self.dim}, {format_bytes(self.bytes)}"
        return f"{self.place} ({self.class_name}, {size})"


class TableSize(Protocol):
    """A planned table, from a model, a spec or a plan."""

    @property
    def rows(self) -> int: ...
    @property
    def dim(self) -> int: ...
    @property
    def dtype(self) -> str: ...


def dense_embeddings(model: Any) -> tuple[DenseEmbedding, ...]:
    """Every plain embedding outside the modules of ``sparse_modules``, the largest first.

    One in several places is told where it stands first. Needs neither PyTorch nor TorchRec.
    """
    sparse = [
        path for module in sparse_modules(model) for path in (module.path, *module.other_paths)
    ]
    found = [
        DenseEmbedding(
            path,
            type(module).__name__,
            module.num_embeddings,
            module.embedding_dim,
            module.weight.numel() * module.weight.element_size(),
        )
        for path, module in model.named_modules()
        if _is_plain(module)
        and not any(not each or path == each or path.startswith(each + ".") for each in sparse)
    ]
    return tuple(sorted(found, key=lambda each: -each.bytes))


def dense_note(embeddings: Sequence[DenseEmbedding], tables: Iterable[TableSize]) -> str:
    """What the embeddings mean for a plan of these tables; empty where there are none."""
    if not embeddings:
        return ""
    most = LARGE_FRACTION * sum(t.rows * t.dim * Dtype(t.dtype).bytes for t in tables)
    large = [each for each in embeddings if each.bytes >= most]
    note = (
        f"not in the plan: {_listed(each.words for each in embeddings)}. Every rank holds each "
        "whole, and every step all-reduces the gradients of those that are trained: count them "
        "under training.dense"
    )
    if large:
        names = _listed(each.place for each in large)
        note = f"LARGE and {note}, or better, make {names} tables of an EmbeddingBagCollection"
    return note


def _listed(words: Iterable[str]) -> str:
    every = list(words)
    more = f" and {len(every) - _MOST} more" if len(every) > _MOST else ""
    return ", ".join(every[:_MOST]) + more


def _is_plain(module: Any) -> bool:
    ancestors = [f"{each.__module__}.{each.__qualname__}" for each in type(module).__mro__]
    return any(each in _PLAIN for each in ancestors)
