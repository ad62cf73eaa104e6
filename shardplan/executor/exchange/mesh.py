"""The ranks of a job, node by node, and how they exchange tensors."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist

from shardplan.errors import PlanRefused, RankLost
from shardplan.executor.kernels.compiled_rows import compiled_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.executor.kernels.compiled_rows import CompiledRows
    from shardplan.executor.tensors.tensor import Device, Tensor


@contextmanager
def naming_lost_ranks(rank: int, what: str) -> Iterator[None]:
    """Whatever a collective fails with becomes RankLost: it fails where a peer is gone."""
    try:
        yield
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        message = f"rank {rank} lost touch with another rank in {what}: {reason}"
        raise RankLost(message) from error


@dataclass(frozen=True, slots=True)
class Pending:
    """A tensor on its way."""

    buffer: Tensor
    work: dist.Work | None
    rank: int
    what: str

    def wait(self) -> Tensor:
        """The tensor, once it is here. Raises RankLost where a peer is gone or too late."""
        if self.work is not None:
            with naming_lost_ranks(self.rank, self.what):
                self.work.wait()
        return self.buffer


class Group:
    """Some ranks that exchange tensors among themselves."""

    def __init__(
        self,
        rank: int,
        members: Sequence[int],
        handle: dist.ProcessGroup | None,
        sent_bytes: Counter[str],
    ) -> None:
        self.rank = rank
        """The number of this process in the whole job, for messages."""
        self.size = len(members)
        self._members = tuple(members)
        self._place = members.index(rank)
        self._handle = handle
        self._sent_bytes = sent_bytes

    def all_to_all(
        self,
        send: Tensor,
        send_counts: Sequence[int],
        receive_counts: Sequence[int],
        what: str,
        receive: Tensor | None = None,
    ) -> Pending:
        """Send neighbouring parts of a flat tensor to the ranks in order, and start to receive.

        Into ``receive``, which is flat and of that size, where it is given.
        """
        if self.size == 1:
            return Pending(send, None, self.rank, what)
        if receive is None:
            receive = send.new_empty(sum(receive_counts))
        away = sum(send_counts) - send_counts[self._place]
        self._sent_bytes[what] += away * send.element_size()
        with naming_lost_ranks(self.rank, what):
            work = dist.all_to_all_single(
                receive,
                send.contiguous(),
                list(receive_counts),
                list(send_counts),
                group=self._handle,
                async_op=True,
            )
        return Pending(receive, work, self.rank, what)

    def all_gather(self, part: Tensor, what: str) -> Tensor:
        """(size, ...): the parts of all ranks, which are of one shape."""
        if self.size == 1:
            return part.unsqueeze(0)
        whole = part.new_empty((self.size, *part.shape))
        whole[self._place] = part
        self._swap([part.contiguous()] * self.size, whole.unbind(), what)
        return whole

    def all_reduce(self, values: Tensor, what: str) -> Tensor:
        """Make flat numbers the sums over all ranks, in place; the same tensor.

        Added in the order of the ranks, whatever the backend does. Two passes move as many bytes
        as a ring does: each rank sums its part of the tensor, then all gather the sums. Both read
        and fill the tensor where it lies.
        """
        if self.size > 1:
            parts = values.tensor_split(self.size)
            self.reduce_scatter(parts, what)
            self.gather_parts(parts, what)
        return values

    def reduce_scatter(self, parts: Sequence[Tensor], what: str) -> Tensor:
        """Make this rank's part the sum of all ranks' same part, in place; that part.

        Each rank has a part; those of others are left as they are.
        """
        mine = parts[self._place]
        if self.size == 1:
            return mine
        blocks = list(mine.new_empty((self.size - 1, mine.numel())).unbind())
        blocks.insert(self._place, mine)
        self._swap(parts, blocks, what)
        first, *others, last = blocks
        for block in others:
            first += block
        torch.add(first, last, out=mine)
        return mine

    def gather_parts(self, parts: Sequence[Tensor], what: str) -> None:
        """Fill the parts of the other ranks with theirs; flat, and not all of one size."""
        self._swap([parts[self._place]] * self.size, parts, what)

    def _swap(self, send: Sequence[Tensor], receive: Sequence[Tensor], what: str) -> None:
        """Send each other rank a tensor, and fill one with what comes from it.

        From memory to memory: gloo's collectives of all ranks copy what is sent, what comes, and
        what a rank sends itself, at several times what the way costs.
        """
        others = [place for place in range(self.size) if place != self._place]
        going = [place for place in others if send[place].numel()]
        coming = [place for place in others if receive[place].numel()]
        self._sent_bytes[what] += sum(int(send[place].nbytes) for place in going)
        swaps = [self._swap_with(dist.isend, send, place) for place in going]
        swaps += [self._swap_with(dist.irecv, receive, place) for place in coming]
        if swaps:
            with naming_lost_ranks(self.rank, what):
                for work in dist.batch_isend_irecv(swaps):
                    work.wait()

    def _swap_with(self, way: Any, tensors: Sequence[Tensor], place: int) -> dist.P2POp:
        return dist.P2POp(way, tensors[place], self._members[place], self._handle)

    def wait_for_all(self, what: str) -> None:
        """Until every rank is here."""
        if self.size > 1:
            with naming_lost_ranks(self.rank, what):
                dist.barrier(group=self._handle)


class Mesh:
    """All ranks, those of this node, and those at the same place of every node."""

    def __init__(
        self, local_world_size: int, device: Device = "cpu", timeout_seconds: float = 300.0
    ) -> None:
        """Every rank has to make its own, at the same point; the process group must be up.

        ``timeout_seconds`` is how long a collective waits for a rank that does not answer; the
        process group should have been given the same.

        Raises PlanRefused where the ranks do not fill whole nodes.
        """
        up = dist.is_available() and dist.is_initialized()
        self.rank = dist.get_rank() if up else 0
        self.world_size = dist.get_world_size() if up else 1
        self.local_world_size = local_world_size
        self._timeout = timedelta(seconds=timeout_seconds)
        self.device = torch.device(device)
        if self.world_size % local_world_size:
            raise PlanRefused(
                [f"{self.world_size} ranks are no whole number of nodes of {local_world_size}"]
            )
        self.compiled = self._compiled_rows()
        """Loops over rows that all ranks have, so that data-parallel tables stay the same on all;
        None where any lacks them."""
        self.sent_bytes: Counter[str] = Counter()
        """To other ranks, by what was sent."""
        everyone = range(self.world_size)
        handle = dist.group.WORLD if up else None
        self.all = Group(self.rank, everyone, handle, self.sent_bytes)
        # Ids of the next batch travel in a group of their own, beside this batch's collectives.
        self.ids = self._group([everyone])
        self.nodes = self.world_size // local_world_size
        self.is_hierarchical = self.nodes > 1 and local_world_size > 1
        """Whether sums inside a node spare its links to the other nodes anything."""
        if self.is_hierarchical:
            each = local_world_size
            self.node = self._group(
                [everyone[n * each : n * each + each] for n in range(self.nodes)]
            )
            self.peers = self._group([everyone[place::each] for place in range(each)])

    def _compiled_rows(self) -> CompiledRows | None:
        if self.device.type != "cpu":
            return None
        found = compiled_rows()
        if self.world_size > 1:
            has_them = torch.tensor(found is not None, dtype=torch.uint8)
            with naming_lost_ranks(self.rank, "the first meeting of all ranks"):
                dist.all_reduce(has_them, dist.ReduceOp.MIN)
            return found if bool(has_them) else None
        return found

    def _group(self, parts: Sequence[range]) -> Group:
        """The part that this rank is in; all ranks have to create all parts."""
        if self.world_size == 1:
            return self.all
        handles = [dist.new_group(list(part), timeout=self._timeout) for part in parts]
        mine = next(i for i, part in enumerate(parts) if self.rank in part)
        return Group(self.rank, parts[mine], handles[mine], self.sent_bytes)
