"""MicroRec's rule for what is merged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.serving.merging.piece import extra_bytes

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from shardplan.serving.merging.piece import Piece


def opposite_pairs(
    pieces: Sequence[Piece], extra_at_most: int, saved_at_most: int
) -> tuple[tuple[int, int], ...]:
    """Of the smallest of all, the smallest with the largest of its kin, and so on inwards: of
    equal widths no other pairs of them take less (MicroRec, MLSys 2021, section 3.4).

    As many as halving finds to fit the budget, which more of them mostly take more of.
    """
    order = sorted(range(len(pieces)), key=lambda at: (pieces[at].rows, at))
    few, many = 0, len(order) + 1
    while many - few > 1:
        middle = (few + many) // 2
        pairs = _paired(pieces, order[:middle])
        taken = sum(extra_bytes(pieces, pair) for pair in pairs)
        if taken <= extra_at_most and len(pairs) <= saved_at_most:
            few = middle
        else:
            many = middle
    return _paired(pieces, order[:few])


def _paired(pieces: Sequence[Piece], smallest: Sequence[int]) -> tuple[tuple[int, int], ...]:
    kin: dict[Hashable, list[int]] = {}
    for at in smallest:
        kin.setdefault(pieces[at].kin, []).append(at)
    return tuple(
        pair
        for own in kin.values()
        for pair in zip(own[: len(own) // 2], reversed(own), strict=False)
    )
