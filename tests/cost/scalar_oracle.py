"""The analytic cost model once more, one option at a time and in loops."""

from __future__ import annotations

import math

from shardplan.options.load_factors import LOAD_FACTORS
from shardplan.topology.collective import Collective, Scope
from shardplan.workload.caching.lru import lru_curve

A2A, RS, AG, AR = Collective

STATE = {
    # Numbers of each weight and of each row; numbers of each weight that an update moves, and its
    # reads of the weights.
    "sgd": (0, 0, 0, 1),
    "adagrad": (1, 0, 1, 1),
    "rowwise_adagrad": (0, 1, 0, 1),
    "adam": (2, 0, 2, 1),
    "lamb": (2, 0, 2, 2),
    "partial_rowwise_adam": (1, 1, 1, 1),
    "partial_rowwise_lamb": (1, 1, 1, 2),
    "lars_sgd": (1, 0, 1, 2),
    "ensemble_rowwise_adagrad": (1, 1, 0, 1),
    "ema_in_place_rowwise_adagrad": (0, 1, 0, 1),
}
IN_FLIGHT = {
    "none": 1, "sparse_dist_lite": 1, "sparse_dist": 2, "prefetch_sparse_dist": 3,
    "fused_sparse_dist": 2, "semi_sync": 3,
}  # fmt: skip


def state_bytes(training, kernel, columns):
    """Of a row: beside its weights, and in HBM whatever the kernel."""
    optimizer = training.optimizer.name
    counts = optimizer == "adam" and kernel == "key_value"
    return 4 * STATE[optimizer][0] * columns, 4 * (STATE[optimizer][1] + counts)


def bytes_of_id(table):
    """int64, and a weight in fp32 where ids have weights."""
    return 12 if table.weighted else 8


def ids_of(table):
    """For each sample of the batch."""
    shares = table.batch_shares or [1.0] * len(table.features)
    return sum(ids * share for ids, share in zip(table.poolings, shares, strict=True))


def outputs_of(table):
    """For each sample of the batch: one of each feature that has all of them."""
    return sum(table.batch_shares or [1.0] * len(table.features))


def fetched(access, draws, room):
    """Accesses that miss a cache with room for that many of the rows that are touched."""
    if not room:
        return draws
    missed = kept = 0.0
    for count, p in zip(access.counts, access.probabilities, strict=True):
        touched = count * (1 - (1 - p) ** draws)
        fits = min(1.0, (room - kept) / touched) if touched else 1.0
        kept += fits * touched
        missed += fits * touched + (1 - fits) * count * p * draws
    return min(missed, draws)


class Oracle:
    """Seconds by phase, and bytes by tier, of one unit of one option on one device.

    Of a node's memory tiers it has what is left if ``sharers`` devices use them alike.
    """

    def __init__(self, workload, topology, profile, collectives):
        self.workload, self.topology, self.profile = workload, topology, profile
        self.collectives = collectives
        self.world, self.local = topology.world_size, topology.devices_per_node
        self.sharers = self.local
        outputs = sum(outputs_of(t) * t.dim for t in workload.tables)
        id_bytes = sum(ids_of(t) * bytes_of_id(t) + outputs_of(t) * 8 for t in workload.tables)
        self.elements = workload.global_batch * outputs / self.world
        self.id_bytes = workload.global_batch * id_bytes / self.world

    def shards(self, kind, table, cuts):
        """The (rows, columns) shards that one device holds of a unit, and how many share its ids.

        Of few rows (``docs/cost-model.md``) the first shards have more than an n-th.
        """
        n = {"row_wise": self.world, "table_row_wise": self.local, "grid_shard": self.local}
        cut = n.get(kind, 1)
        rows = math.ceil(table.rows / cut)
        count = cuts // self.local if kind == "table_column_wise" else 1
        return [(rows, table.dim // cuts)] * count, table.rows / rows if rows < 64 else cut

    def missed(self, table, share):
        """Rows of a batch that a cache lacks, straight between two load factors."""
        access = table.access.distribution(table.rows, table.pooling)
        curve = lru_curve(access, self.workload.global_batch * ids_of(table))
        below = max(f for f in (0.0, *LOAD_FACTORS) if f <= share)
        above = min(f for f in (*LOAD_FACTORS, 1.0) if f > share)
        low, high = (float(curve.missed_rows_at(f * table.rows)) for f in (below, above))
        return low + (share - below) / (above - below) * (high - low)

    def prefetch(self, kernel, table, columns, ids, parts, hbm, ddr):
        cache, tiers = self.profile.cache, self.topology
        row = columns * table.dtype.bytes
        half = 1 / tiers.ddr.read_bytes_per_second + 1 / tiers.ddr.write_bytes_per_second
        swap = max(1 / tiers.host_link_bytes_per_second, half * self.sharers) / cache.path
        seconds = cache.per_id * ids + swap * row * self.missed(table, hbm) / parts
        if kernel == "key_value":
            moved = math.ceil(row / cache.ssd_page_bytes) * cache.ssd_page_bytes
            for rate in (tiers.ssd.read_bytes_per_second, tiers.ssd.write_bytes_per_second):
                per_row = max(1 / tiers.ssd.iops, moved / rate)
                seconds += self.sharers * per_row * self.missed(table, hbm + ddr) / parts
        return seconds

    def spill(self, kind, *way):
        """What a unit adds to each other device of its node."""
        if kind not in ("table_wise", "column_wise"):
            return [0.0] * 7
        crowded = self.seconds(kind, *way, sharers=self.local)
        alone = self.seconds(kind, *way, sharers=1)
        return [(crowded[phase] - alone[phase]) / (self.local - 1) for phase in crowded]

    def seconds(self, kind, kernel, table, cuts, hbm=0.0, ddr=0.0, sharers=None):
        on_device = kind in ("table_wise", "column_wise")
        self.sharers = sharers or (1 if on_device else self.local)
        batch = self.workload.global_batch
        samples = batch / self.world if kind == "data_parallel" else batch
        shards, parts = self.shards(kind, table, cuts)
        access = table.access.distribution(table.rows, table.pooling)
        unique = access.unique_rows(samples * ids_of(table)) / parts
        ids, bags = samples * ids_of(table) / parts, samples * outputs_of(table)
        total = dict.fromkeys(
            ("ids_comm", "prefetch", "lookup_forward", "output_comm", "gradient_comm",
             "update_backward", "all_reduce"), 0.0,
        )  # fmt: skip
        for rows, columns in shards:
            training = self.workload.training
            _, in_hbm = state_bytes(training, kernel, columns)
            *_, moved, reads = STATE[training.optimizer.name]
            row = columns * table.dtype.bytes
            room = self.profile.on_chip_cache_bytes / row * parts
            missed = fetched(access, samples * ids_of(table), room) / parts
            read = (missed * row, (ids - missed) * row + (bytes_of_id(table) - 8) * ids)
            forward = (1, ids, *read, unique, unique * row, bags * columns * 4)
            update = forward
            if kernel in ("fused_uvm_caching", "key_value"):
                total["prefetch"] += self.prefetch(kernel, table, columns, ids, parts, hbm, ddr)
            total["lookup_forward"] += self.kernel(self.profile.lookup_forward, kernel, forward)
            total["update_backward"] += self.kernel(self.profile.update_backward, kernel, update)
            beside = self.per_state_byte(kernel in ("fused_uvm", "fused_uvm_caching"))
            again = self.per_state_byte(kernel == "fused_uvm") * row * (reads - 1) / 2
            of_row = 4 * moved * columns * beside + in_hbm * self.per_state_byte(False) + again
            total["update_backward"] += unique * of_row
            if kind == "data_parallel":
                state = 4 * moved * columns + in_hbm
                sweep = rows * columns * 4 * (2 + reads) + 2 * rows * state
                total["update_backward"] += sweep / self.profile.dense_update_bytes_per_second
                total["all_reduce"] += rows * columns * 4 * self.replicas
                continue
            per_byte = self.line(A2A, Scope.ALL, self.id_bytes)
            total["ids_comm"] += (bytes_of_id(table) * ids + 8 * bags) * per_byte
            total["output_comm"] += (
                bags * columns * self.pooled(kind, RS, training.comm_forward.bytes)
            )
            total["gradient_comm"] += (
                bags * columns * self.pooled(kind, AG, training.comm_backward.bytes)
            )
        return total

    def per_state_byte(self, in_ddr):
        costs = self.profile.update_backward
        if not in_ddr:
            return costs.hbm.per_unique_byte
        ddr, link = self.topology.ddr, self.topology.host_link_bytes_per_second
        slower = min(ddr.read_bytes_per_second, ddr.write_bytes_per_second) / self.sharers
        return costs.ddr.per_unique_byte + 1 / (min(link, slower) * costs.ddr_path.unique)

    def kernel(self, costs, kernel, sums):
        rates = costs.ddr if kernel == "fused_uvm" else costs.hbm
        per = [
            rates.per_table, rates.per_id, rates.per_read_byte, rates.per_cached_byte,
            rates.per_unique_row, rates.per_unique_byte, rates.per_output_byte,
        ]  # fmt: skip
        if kernel == "fused_uvm":
            ddr, link = self.topology.ddr, self.topology.host_link_bytes_per_second
            read = min(link, ddr.read_bytes_per_second / self.sharers)
            write = min(link, ddr.write_bytes_per_second / self.sharers)
            if costs.ddr_path.read:
                per[2] += 1 / (read * costs.ddr_path.read)
            if costs.ddr_path.unique:
                per[5] += 1 / (min(read, write) * costs.ddr_path.unique)
        return sum(p * s for p, s in zip(per, sums, strict=True))

    def pooled(self, kind, rows_kind, element_bytes):
        """Seconds per element of pooled output."""
        if kind == "row_wise":
            elements = self.rows_elements(rows_kind, element_bytes)
            return element_bytes * self.average(rows_kind, Scope.ALL, element_bytes, elements)
        if kind in ("table_row_wise", "grid_shard"):
            at_bytes = self.elements * element_bytes
            knows = self.collectives.course(rows_kind, Scope.ALL, at_bytes) is not None
            of_node = self.elements * (self.local if knows else 1)  # all of its tables' outputs
            inside = self.average(rows_kind, Scope.NODE, element_bytes, of_node)
            across = self.average(A2A, Scope.PEERS, element_bytes)
            return element_bytes * (inside + across / self.local)
        return element_bytes * self.line(A2A, Scope.ALL, self.elements * element_bytes)

    def rows_elements(self, kind, element_bytes):
        """Of tables cut over all devices: what is off least from one table's to all tables'."""
        if self.collectives.course(kind, Scope.ALL, self.elements * element_bytes) is None:
            return self.elements
        most = self.elements * self.world
        tables = len(self.workload.tables)
        if tables == 1:
            return most
        steps = math.ceil(math.log2(tables))
        sizes = [most * tables ** (step / steps - 1) for step in range(steps + 1)]
        taken = [self.collectives.seconds(kind, Scope.ALL, size * element_bytes) for size in sizes]

        def worst(at):
            slope = self.average(kind, Scope.ALL, element_bytes, at)
            once = self.collectives.once_seconds(kind, Scope.ALL, at * element_bytes)
            said = [once + slope * size * element_bytes for size in sizes]
            ratios = [one / other for one, other in zip(said, taken, strict=True)]
            return max(max(ratio, 1 / ratio) for ratio in ratios)

        return min(reversed(sizes), key=worst)

    def line(self, kind, scope, at_bytes):
        return self.collectives.line(kind, scope, at_bytes).seconds_per_byte

    def average(self, kind, scope, element_bytes, elements=None):
        at_bytes = (elements or self.elements) * element_bytes
        once = self.collectives.once_seconds(kind, scope, at_bytes)
        return (self.collectives.seconds(kind, scope, at_bytes) - once) / at_bytes

    @property
    def replicas(self):
        """Seconds per byte of an all-reduce of all that may be replicated, less what is charged."""
        room = self.topology.hbm.capacity_bytes
        tables = [t for t in self.workload.tables if t.rows * t.dim * t.dtype.bytes <= room]
        held = sum(t.rows * t.dim for t in tables)
        knows = self.collectives.course(AR, Scope.ALL, held * 4) is not None
        return self.average(AR, Scope.ALL, 4, min(held, self.elements) if knows else held)

    def bytes(self, kind, kernel, table, cuts, h=0.0, d=0.0):
        batch, training = self.workload.global_batch, self.workload.training
        samples = batch / self.world if kind == "data_parallel" else batch
        shards, parts = self.shards(kind, table, cuts)
        access = table.access.distribution(table.rows, table.pooling)
        unique = access.unique_rows(samples * ids_of(table)) * len(shards) / parts
        bags = math.ceil(samples * outputs_of(table) * len(shards))
        held = {"hbm": 0, "ddr": 0, "ssd": 0}
        for rows, columns in shards:
            row = columns * table.dtype.bytes
            beside, in_hbm = state_bytes(training, kernel, columns)
            home = {"fused_uvm": "ddr", "fused_uvm_caching": "ddr", "key_value": "ssd"}
            held[home.get(kernel, "hbm")] += rows * row
            in_ddr = kernel in ("fused_uvm", "fused_uvm_caching")
            held["ddr" if in_ddr else "hbm"] += rows * beside
            held["hbm"] += rows * in_hbm
            if kernel in ("fused_uvm_caching", "key_value"):
                slot = 20 if training.pipeline == "prefetch_sparse_dist" else 16
                held["hbm"] += h * rows * (row + slot)
            if kernel == "fused_uvm_caching":
                held["hbm"] += 4 * rows
            if kernel == "key_value":
                held["ddr"] += d * rows * (row + self.profile.cache.ddr_entry_bytes)
            if kind == "data_parallel":
                held["hbm"] += rows * columns * 4
            else:
                wire = (training.comm_forward.bytes, training.comm_backward.bytes)
                element = 8 + sum(size for size in wire if size < 4)
                if training.pipeline == "semi_sync":
                    element += 4 + (wire[0] if wire[0] < 4 else 0)
                held["hbm"] += bags / len(shards) * columns * element
        ids = math.ceil(samples * ids_of(table) * len(shards) / parts)
        received = bytes_of_id(table) * ids + 8 * bags
        held["hbm"] += received * IN_FLIGHT[training.pipeline]
        if kernel in ("fused_uvm_caching", "key_value"):
            held["hbm"] += 7 * 8 * ids
        if kernel == "key_value":
            batches = 4 if training.pipeline == "prefetch_sparse_dist" else 3
            held["ddr"] += batches * math.ceil(unique) * (row + 8)
        return tuple(held.values())
