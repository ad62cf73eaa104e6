"""The analytic cost model once more, one option at a time and in loops."""

from __future__ import annotations

import math

from shardplan.options.load_factors import LOAD_FACTORS
from shardplan.topology.collective import Collective, Scope
from shardplan.workload.caching.lru import lru_curve

A2A, RS, AG, AR = Collective

STATE_ELEMENTS = {"sgd": 0, "adagrad": 1, "adam": 2}
IN_FLIGHT = {"none": 1, "sparse_dist": 2, "prefetch_sparse_dist": 3}


def state_bytes(optimizer, columns):
    return 4 if optimizer == "rowwise_adagrad" else 4 * columns * STATE_ELEMENTS[optimizer]


def bytes_of_id(table):
    """int64, and a weight in fp32 where ids have weights."""
    return 12 if table.weighted else 8


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
        outputs = sum(len(t.features) * t.dim for t in workload.tables)
        id_bytes = sum(t.pooling * bytes_of_id(t) + len(t.features) * 8 for t in workload.tables)
        self.elements = workload.global_batch * outputs / self.world
        self.id_bytes = workload.global_batch * id_bytes / self.world

    def shards(self, kind, table, cuts):
        """The (rows, columns) shards that one device holds of a unit."""
        n = {"row_wise": self.world, "table_row_wise": self.local, "grid_shard": self.local}
        rows = math.ceil(table.rows / n.get(kind, 1))
        count = cuts // self.local if kind == "table_column_wise" else 1
        return [(rows, table.dim // cuts)] * count, n.get(kind, 1)

    def missed(self, table, share):
        """Rows of a batch that a cache lacks, straight between two load factors."""
        access = table.access.distribution(table.rows, table.pooling)
        curve = lru_curve(access, self.workload.global_batch * table.pooling)
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
        unique = access.unique_rows(samples * table.pooling) / parts
        ids, bags = samples * table.pooling / parts, samples * len(table.features)
        total = dict.fromkeys(
            ("ids_comm", "prefetch", "lookup_forward", "output_comm", "gradient_comm",
             "update_backward", "all_reduce"), 0.0,
        )  # fmt: skip
        for rows, columns in shards:
            state = state_bytes(self.workload.training.optimizer, columns)
            row = columns * table.dtype.bytes
            room = self.profile.on_chip_cache_bytes / row * parts
            missed = fetched(access, samples * table.pooling, room) / parts
            read = (missed * row, (ids - missed) * row + (bytes_of_id(table) - 8) * ids)
            forward = (1, ids, *read, unique, unique * row, bags * columns * 4)
            update = forward
            if kernel in ("fused_uvm_caching", "key_value"):
                total["prefetch"] += self.prefetch(kernel, table, columns, ids, parts, hbm, ddr)
            total["lookup_forward"] += self.kernel(self.profile.lookup_forward, kernel, forward)
            total["update_backward"] += self.kernel(self.profile.update_backward, kernel, update)
            in_ddr = self.state_in_ddr(kernel)
            total["update_backward"] += unique * state * self.per_state_byte(in_ddr)
            if kind == "data_parallel":
                sweep = rows * columns * 12 + 2 * rows * state
                total["update_backward"] += sweep / self.profile.dense_update_bytes_per_second
                total["all_reduce"] += rows * columns * 4 * self.replicas
                continue
            per_byte = self.line(A2A, Scope.ALL, self.id_bytes)
            total["ids_comm"] += (bytes_of_id(table) * ids + 8 * bags) * per_byte
            training = self.workload.training
            total["output_comm"] += (
                bags * columns * self.pooled(kind, RS, training.comm_forward.bytes)
            )
            total["gradient_comm"] += (
                bags * columns * self.pooled(kind, AG, training.comm_backward.bytes)
            )
        return total

    def state_in_ddr(self, kernel):
        rowwise = self.workload.training.optimizer == "rowwise_adagrad"
        return kernel in ("fused_uvm", "fused_uvm_caching") and not rowwise

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
            return element_bytes * self.average(rows_kind, Scope.ALL, element_bytes)
        if kind in ("table_row_wise", "grid_shard"):
            at_bytes = self.elements * element_bytes
            knows = self.collectives.course(rows_kind, Scope.ALL, at_bytes) is not None
            of_node = self.elements * (self.local if knows else 1)  # all of its tables' outputs
            inside = self.average(rows_kind, Scope.NODE, element_bytes, of_node)
            across = self.average(A2A, Scope.PEERS, element_bytes)
            return element_bytes * (inside + across / self.local)
        return element_bytes * self.line(A2A, Scope.ALL, self.elements * element_bytes)

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
        unique = access.unique_rows(samples * table.pooling) * len(shards) / parts
        held = {"hbm": 0, "ddr": 0, "ssd": 0}
        for rows, columns in shards:
            row, state = columns * table.dtype.bytes, state_bytes(training.optimizer, columns)
            home = {"fused_uvm": "ddr", "fused_uvm_caching": "ddr", "key_value": "ssd"}
            held[home.get(kernel, "hbm")] += rows * row
            held["ddr" if self.state_in_ddr(kernel) else "hbm"] += rows * state
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
                held["hbm"] += samples * len(table.features) * columns * element
        ids = math.ceil(samples * table.pooling * len(shards) / parts)
        bags = math.ceil(samples * len(table.features) * len(shards))
        received = bytes_of_id(table) * ids + 8 * bags
        held["hbm"] += received * IN_FLIGHT[training.pipeline]
        if kernel in ("fused_uvm_caching", "key_value"):
            held["hbm"] += 7 * 8 * ids
        if kernel == "key_value":
            batches = 4 if training.pipeline == "prefetch_sparse_dist" else 3
            held["ddr"] += batches * math.ceil(unique) * (row + 8)
        return tuple(held.values())
