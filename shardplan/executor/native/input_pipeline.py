"""Batches whose ids travel while the batch before is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shardplan.executor.native.sharded_collection import ShardedCollection
    from shardplan.workload.pipeline.pipeline import Pipeline


class InputPipeline:
    """Keeps the ids of the batches to come in flight, in one of three ways.

    ``none`` and ``sparse_dist_lite``: a batch's ids are sent when it is asked for.
    ``sparse_dist``: the next batch's lengths are sent before this one is handed out, and its ids
    between this one's passes, when ``advance`` is called. ``prefetch_sparse_dist``: besides, the
    rows that the next batch reads are brought into the caches while this one is trained, so that
    three batches are on a device at once.
    """

    def __init__(self, collections: Iterable[ShardedCollection], kind: Pipeline) -> None:
        self._collections = tuple(collections)
        self._ahead = kind.batches_ahead
        """Batches whose ids are sent before one is handed out."""
        self._prefetches = kind.prefetches
        self._coming: list[_Batch] = []

    def batches(self, source: Iterable[Any]) -> Iterator[tuple[Any, list[Any]]]:
        """Each batch of the source, with what this rank looks up of it in each collection.

        A batch of the source has its sparse inputs under ``sparse``, or is them.
        """
        rest = iter(source)
        while True:
            while len(self._coming) <= self._ahead:
                batch = next(rest, None)
                if batch is None:
                    break
                self._coming.append(_Batch(batch, self._collections))
            if not self._coming:
                return
            current = self._coming.pop(0)
            inputs = current.finish()
            yield current.batch, inputs

    def advance(self) -> None:
        """Move the batches to come on by one stage; to be called between a batch's two passes."""
        for position, batch in enumerate(self._coming):
            batch.advance()
            if self._prefetches and position == 0:
                batch.stage()


class _Batch:
    """A batch in flight through all collections."""

    def __init__(self, batch: Any, collections: tuple[ShardedCollection, ...]) -> None:
        self.batch = batch
        self._collections = collections
        sparse = getattr(batch, "sparse", batch)
        self._flights = [each.start(sparse) for each in collections]
        self._inputs: list[Any] | None = None

    def advance(self) -> None:
        """Send the ids."""
        if self._inputs is None:
            for collection, flight in zip(self._collections, self._flights, strict=True):
                collection.advance(flight)

    def finish(self) -> list[Any]:
        """Wait for the ids: what each collection looks up."""
        if self._inputs is None:
            pairs = zip(self._collections, self._flights, strict=True)
            self._inputs = [collection.finish(flight) for collection, flight in pairs]
            self._flights = []
        return self._inputs

    def stage(self) -> None:
        """Bring the rows that the batch reads into the caches."""
        for collection, inputs in zip(self._collections, self.finish(), strict=True):
            collection.stage(inputs)
