"""One test per kind of error in a spec: what is said, where, and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardplan.build_case import build_case
from shardplan.errors import InputError
from shardplan.sharding.world import World
from shardplan.spec import checks
from shardplan.spec.constraints import build_constraints
from shardplan.spec.load import load_document
from shardplan.spec.text.document import read_document

Fault = tuple[int, int, str, str, str]

HEAD = "batch: {local: 512}\ntopology: dgx-h100\n"
TABLES = """\
tables:
  - {name: a, rows: 10, dim: 8}
  - {name: b, rows: 10, dim: 8}
  - {name: c_1, rows: 10, dim: 8}
"""


def faults(text: str) -> list[Fault]:
    """Line, column, path, message and hint of each fault."""
    found = load_document(read_document(text, "s.yaml"), Path()).faults
    return [(d.line, d.column, d.path, d.message, d.hint) for d in found]


def head_faults(line: str) -> list[Fault]:
    """Of a good spec with one more line, which is line 7."""
    return faults(HEAD + TABLES + line + "\n")


def table_faults(rest: str) -> list[Fault]:
    """Of a table ``{name: t, rows: 10, ...}``; what is added begins in column 24 of line 4."""
    return faults(HEAD + "tables:\n  - {name: t, rows: 10, " + rest + "}\n")


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("", ["must be a mapping of keys to values (got nothing)"]),
        ("[]", ["must be a mapping of keys to values (got a list)"]),
        ("{}", ["is missing", "is missing"]),
        (HEAD, ["has no tables"]),
        (HEAD + "tables: []", ["has no tables"]),
    ],
)
def test_what_a_spec_needs(text: str, messages: list[str]) -> None:
    assert [f[3] for f in faults(text)] == messages


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("objectiv: balance",
         (7, 1, "objectiv", "unknown key 'objectiv'", "did you mean 'objective'?")),
        ("objective: fast",
         (7, 12, "objective", "must be one of step_time, balance (got 'fast')",
          "for example step_time")),
        ("training: {optimizer: adamw}",
         (7, 23, "training.optimizer",
          "must be one of sgd, adagrad, rowwise_adagrad, adam, lamb, partial_rowwise_adam, "
          "partial_rowwise_lamb, lars_sgd, ensemble_rowwise_adagrad, ema_in_place_rowwise_adagrad "
          "(got 'adamw')",
          "did you mean 'adam'?")),
        ("training: {pipeline: sparse}",
         (7, 22, "training.pipeline",
          "must be one of none, sparse_dist_lite, sparse_dist, prefetch_sparse_dist, "
          "fused_sparse_dist, semi_sync (got 'sparse')",
          "did you mean 'sparse_dist'?")),
        ("training: {replicas: {groups: 0}}",
         (7, 31, "training.replicas.groups", "must be at least 1, or auto (got 0)",
          "write 1 or more")),
        ("training: {replicas: {groups: 2.5}}",
         (7, 31, "training.replicas.groups", "must be a whole number, or auto (got 2.5)",
          "for example 8")),
        ("training: {replicas: {groups: Auto}}",
         (7, 31, "training.replicas.groups", "must be a whole number, or auto (got 'Auto')",
          "did you mean 'auto'?")),
        ("training: {comm_dtype: {forward: mine}}",
         (7, 34, "training.comm_dtype.forward",
          "must be one of fp32, fp16, bf16, fp8, int8, mx4 (got 'mine')",
          "a format of your own is declared by its name in training.comm_dtype.codecs")),
        ("training: {dense: {forward_ms: 4ms}}",
         (7, 32, "training.dense.forward_ms", "must be a number (got '4ms')", "for example 0.5")),
        ("training: {dense: {backward_ms: -1}}",
         (7, 33, "training.dense.backward_ms", "must be at least 0 (got -1)", "write 0 or more")),
        ("training: {dense: {memory: 2}}",
         (7, 28, "training.dense.memory", "needs a unit (got 2)", "for example 80GiB or 1.5TB")),
        ("training: {comm_dtype: fp16}",
         (7, 24, "training.comm_dtype", "must be a mapping of keys to values (got 'fp16')",
          "write its keys below it, or leave it out")),
        ("training: {exact_updates: yes}",
         (7, 27, "training.exact_updates", "must be true or false (got 'yes')",
          "write true; YAML 1.2 reads yes as text")),
        ("training: {pipeline: prefetch_sparse_dist, cache_algorithm: lfu}",
         (7, 61, "training.cache_algorithm", "FBGEMM prefetches into lru caches alone",
          "take lru, or the pipeline sparse_dist")),
        ("reserve: {hbm: 0.15}",
         (7, 16, "reserve.hbm", "must be a percentage or a size (got 0.15)",
          "did you mean 15%?")),
        ("reserve: {ddr: 150%}",
         (7, 16, "reserve.ddr", "must be between 0% and 100% (got '150%')", "for example 15%")),
        ("reserve: {ssd: 8gib}",
         (7, 16, "reserve.ssd", "unknown unit 'gib' of a size (got '8gib')",
          "did you mean 8GiB?")),
        ("defaults: {dim: 70000}",
         (7, 17, "defaults.dim", "must be at most 65,536 (got 70000)",
          "write 65,536 or less")),
        ("defaults: {module: ' x'}",
         (7, 20, "defaults.module",
          "must be names of modules joined by dots, like sparse.ebc; empty for the model itself",
          "a name is not empty, does not begin or end with a space, holds no control characters")),
        ("cost_model: 3",
         (7, 13, "cost_model", "must be a name, a path, or a mapping (got 3)", "")),
        ("cost_model: {name: a, path: b}",
         (7, 13, "cost_model", "must have exactly one of 'name' and 'path'", "")),
        ("constraints: [{tables: a}]",
         (7, 15, "constraints[0]", "demands nothing",
          "add sharding, kernels, together, apart, ranks, nodes, load_factor, column_shards, "
          "min_width, column_blocks, output_dtype, hbm_only or hot_rows")),
        ("constraints: [{tables: [a, b], together: true, apart: true}]",
         (7, 55, "constraints[0].apart", "tables cannot be both together and apart", "")),
        ("constraints: [{tables: [], together: true}]",
         (7, 24, "constraints[0].tables", "needs 1 or more entries",
          "add one, or leave the key out")),
        ("constraints: [{tables: a, sharding: row}]",
         (7, 37, "constraints[0].sharding",
          "must be one of data_parallel, table_wise, column_wise, row_wise, table_row_wise, "
          "table_column_wise, grid_shard, hot_row_wise, hot_table_wise, hot_column_wise, "
          "hot_table_row_wise (got 'row')",
          "for example data_parallel")),
        ("constraints: [{tables: a, kernels: [fuse]}]",
         (7, 37, "constraints[0].kernels[0]",
          "must be one of dense, fused, fused_uvm, fused_uvm_caching, key_value, dynamic_hbm, "
          "dynamic_caching, dynamic_hybrid, dynamic_host (got 'fuse')",
          "did you mean 'fused'?")),
        ("constraints: [{tables: a, ranks: [-1]}]",
         (7, 35, "constraints[0].ranks[0]", "must be at least 0 (got -1)", "write 0 or more")),
        ("constraints: [{tables: 'c_2', ranks: [0]}]",
         (7, 24, "constraints[0].tables[0]", "no table matches 'c_2'", "did you mean 'c_1'?")),
        ("constraints: [{tables: [a, 'x*'], ranks: [0]}]",
         (7, 28, "constraints[0].tables[1]", "no table matches 'x*'", "known: a, b, c_1")),
        ("constraints: [{tables: a, sharding: row_wise}, {tables: '*', sharding: table_wise}]",
         (7, 48, "constraints[1]",
          "table 'a' is left no sharding type by constraints[0] and constraints[1]",
          "all constraints that match a table hold at once")),
        ("constraints: [{tables: a, kernels: fused}, {tables: a, kernels: fused_uvm}]",
         (7, 44, "constraints[1]",
          "table 'a' is left no kernel by constraints[0] and constraints[1]",
          "all constraints that match a table hold at once")),
        ("constraints: [{tables: a, sharding: data_parallel, kernels: fused}]",
         (7, 15, "constraints[0]", "table 'a' is left no way to shard it by constraints[0]",
          "the kernel dense goes with data_parallel, the others with all other types")),
        ("constraints: [{tables: a, hot_rows: 5, kernels: fused_uvm}]",
         (7, 15, "constraints[0]", "table 'a' is left no way to shard it by constraints[0]",
          "hot_column_wise, hot_row_wise, hot_table_row_wise and hot_table_wise run with fused "
          "alone")),
        ("constraints: [{tables: a, hot_rows: 5}, {tables: a, sharding: row_wise}]",
         (7, 41, "constraints[1]",
          "table 'a' is left no sharding type by constraints[0] and constraints[1]",
          "constraints[0] keeps its 5 hottest rows on every device; constraints[1] allows row_wise "
          "alone: drop one of these")),
        ("constraints: [{tables: a, ranks: [0]}, {tables: a, ranks: [1]}]",
         (7, 40, "constraints[1]", "table 'a' is left no rank by constraints[0] and constraints[1]",
          "all constraints that match a table hold at once")),
        ("constraints: [{tables: [a, b], apart: true}, {tables: [a, c_1], together: true}, "
         "{tables: [b, c_1], together: true}]",
         (7, 15, "constraints[0]", "tables 'a' and 'b' must be together as well",
          "drop one of the two")),
        ("constraints: [{tables: a, ranks: [0]}, {tables: a, output_dtype: fp16}]",
         (7, 66, "constraints[1].output_dtype",
          "outputs of 'a' fp16 and of 'b' fp32, which lie side by side in sparse.ebc",
          "pin all tables of the module alike, or write output_dtype in modules")),
    ],
)  # fmt: skip
def test_faults_outside_the_tables(line: str, fault: Fault) -> None:
    assert head_faults(line) == [fault]


@pytest.mark.parametrize(
    ("rest", "fault"),
    [
        ("dims: 8, dim: 8", (4, 25, "tables[0].dims", "unknown key 'dims'", "did you mean 'dim'?")),
        ("dim: 0", (4, 30, "tables[0].dim", "must be at least 1 (got 0)", "write 1 or more")),
        ("dim: 65540", (4, 30, "tables[0].dim", "must be at most 65,536 (got 65540)",
                        "write 65,536 or less")),
        ("dtype: fp23, dim: 8", (4, 32, "tables[0].dtype",
                                 "must be one of fp32, fp16, bf16 (got 'fp23')",
                                 "did you mean 'fp32'?")),
        ("pooling: -3, dim: 8", (4, 34, "tables[0].pooling",
                                 "must be at least 0 and at most 1,000,000 (got -3)", "")),
        ("pooling: x, dim: 8", (4, 34, "tables[0].pooling",
                                "must be a number, or a list with one per feature (got 'x')", "")),
        ("pooling: [1, 2], dim: 8", (4, 34, "tables[0].pooling", "has 2 numbers for 1 features",
                                     "write one per feature")),
        ("features: [f, f], dim: 8", (4, 35, "tables[0].features",
                                      "the feature 'f' stands here twice", "")),
        ("features: f, dim: 8", (4, 35, "tables[0].features", "must be a list (got 'f')",
                                 "put it in brackets: [f]")),
        ("module: 3, dim: 8", (4, 33, "tables[0].module", "must be text (got 3)",
                               "put it in quotes")),
        ("access: zipf, dim: 8", (4, 33, "tables[0].access",
                                  "must be uniform, or one of {zipf: }, {cdf: }, {reuse: } "
                                  "(got 'zipf')", "write {zipf: ...}")),
        ("access: {zip: 1}, dim: 8", (4, 34, "tables[0].access.zip", "unknown access 'zip'",
                                      "did you mean 'zipf'?")),
        ("access: {zipf: 0}, dim: 8", (4, 40, "tables[0].access.zipf",
                                       "must be more than 0 and at most 10 (got 0)",
                                       "write uniform instead")),
        ("access: {cdf: [[0.1]]}, dim: 8", (4, 40, "tables[0].access.cdf[0]",
                                            "must be a pair [row fraction, access fraction] "
                                            "(got a list)", "")),
        ("access: {cdf: [[0.5, 0.6], [0.2, 0.9]]}, dim: 8",
         (4, 52, "tables[0].access.cdf[1]", "the curve falls here",
          "both fractions must rise from point to point, up to [1, 1]")),
        ("access: {cdf: [[0.5, 0.1], [0.6, 0.9]]}, dim: 8",
         (4, 52, "tables[0].access.cdf[1]", "the curve grows steeper here",
          "put the hottest rows first")),
        ("access: {cdf: [[0.5, 1.1]]}, dim: 8",
         (4, 40, "tables[0].access.cdf[0]", "fractions must be more than 0 and at most 1", "")),
        ("access: {reuse: [1, 2]}, dim: 8",
         (4, 41, "tables[0].access.reuse", "must be a list of 17 numbers (got 2)", "")),
        (f"access: {{reuse: {[0] * 17}}}, dim: 8",
         (4, 41, "tables[0].access.reuse", "must have a positive sum", "")),
        (f"access: {{reuse: {[1] * 16 + [-1]}}}, dim: 8",
         (4, 90, "tables[0].access.reuse[16]", "must be at least 0 (got -1)", "")),
        ("pooling: 1", (4, 5, "tables[0].dim", "is missing", "add it here or to defaults")),
    ],
)  # fmt: skip
def test_faults_of_a_table(rest: str, fault: Fault) -> None:
    assert table_faults(rest) == [fault]


@pytest.mark.parametrize(
    ("rows", "message", "hint"),
    [
        ("0", "must be at least 1 (got 0)", "write 1 or more"),
        (
            "1e14",
            "must be at most 10,000,000,000,000 (got 100000000000000)",
            "write 10,000,000,000,000 or less",
        ),
        ("2.5", "must be a whole number (got 2.5)", "for example 8"),
        ("many", "must be a whole number (got 'many')", "for example 8"),
    ],
)
def test_faults_of_rows(rows: str, message: str, hint: str) -> None:
    text = HEAD + f"tables:\n  - {{name: t, rows: {rows}, dim: 8}}\n"
    assert faults(text) == [(4, 21, "tables[0].rows", message, hint)]


@pytest.mark.parametrize("text", ["", "[]", "a plan"])
def test_what_is_no_spec_at_all_has_a_single_fault(text: str) -> None:
    with pytest.raises(InputError) as caught:
        build_case(load_document(read_document(text, "s.yaml"), Path()))
    (fault,) = caught.value.diagnostics
    assert fault.message.startswith("must be a mapping of keys to values")


def test_names_are_unique_within_a_module() -> None:
    text = HEAD + (
        "tables:\n  - {name: t, rows: 1, dim: 8}\n  - {name: t, rows: 1, dim: 8}\n"
        "  - {name: t, rows: 1, dim: 8, module: m}\n"
    )
    told = (5, 12, "tables[1].name", "another table is called 't' (number 1)")
    assert faults(text) == [(*told, "names are unique within a module")]


def test_tables_of_a_module_have_weights_together_or_not_at_all() -> None:
    text = (
        HEAD + "defaults: {dim: 8, weighted: true}\ntables:\n"
        "  - {name: a, rows: 10}\n  - {name: b, rows: 10, weighted: false}\n"
        "  - {name: c, rows: 10, weighted: false, module: other}\n"
    )
    hint = "a collection is weighted as a whole: write the same for all of its tables"
    message = "table 'a' of the same module has weights of ids"
    assert faults(text) == [(6, 35, "tables[1].weighted", message, hint)]


def test_globs_are_compared_with_a_limited_number_of_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each glob below is compared with two names; the third is not read any more."""
    monkeypatch.setattr(checks, "_MOST_COMPARED", 3)
    two = "constraints:\n" + "  - {tables: '*[ab]', kernels: fused}\n" * 2
    names = "tables:\n  - {name: a, rows: 10, dim: 8}\n  - {name: b, rows: 10, dim: 8}\n"
    assert faults(HEAD + names + two) == []
    (fault,) = faults(HEAD + names + two + "  - {tables: '*[ab]', kernels: fused}\n")
    assert fault[:2] == (9, 5)
    assert fault[3] == "constraints are compared with more than 3 tables in all"


@pytest.mark.parametrize(
    ("batch", "fault"),
    [
        ("{}", (1, 8, "batch", "must have exactly one of 'global' and 'local'",
                "for example {local: 4096}")),
        ("{global: 1, local: 1}", (1, 8, "batch", "must have exactly one of 'global' and 'local'",
                                   "for example {local: 4096}")),
        ("{globl: 1}", (1, 9, "batch.globl", "unknown key 'globl'", "did you mean 'global'?")),
        ("{local: 0}", (1, 16, "batch.local", "must be at least 1 (got 0)", "write 1 or more")),
        ("4096", (1, 8, "batch", "must be a mapping of keys to values (got 4096)",
                  "write its keys below it, or leave it out")),
    ],
)  # fmt: skip
def test_faults_of_the_batch(batch: str, fault: Fault) -> None:
    assert faults(f"batch: {batch}\ntopology: x\n{TABLES}") == [fault]


@pytest.mark.parametrize(
    ("topology", "fault"),
    [
        ("{nodes: 2}", (2, 11, "topology", "must have exactly one of 'name' and 'path'", "")),
        ("{name: x, node: 2}", (2, 21, "topology.node", "unknown key 'node'",
                                "did you mean 'nodes'?")),
        ("{name: x, hbm: 2}", (2, 21, "topology.hbm", "unknown key 'hbm'",
                               "an inline topology needs 'devices_per_node'")),
        ("{name: x, nodes: 0}", (2, 28, "topology.nodes",
                                 "must be a whole number from 1 to 100,000 (got 0)", "")),
        ("{name: 3}", (2, 18, "topology.name", "must be text (got 3)", "")),
        ("[x]", (2, 11, "topology", "must be a name, a path, or a mapping (got a list)", "")),
    ],
)  # fmt: skip
def test_faults_of_the_topology(topology: str, fault: Fault) -> None:
    assert faults(f"batch: {{local: 1}}\ntopology: {topology}\n{TABLES}") == [fault]


def test_ranks_are_checked_when_the_cluster_is_known() -> None:
    text = HEAD + TABLES + "constraints: [{tables: a, ranks: [0, 8]}]\n"
    loaded = load_document(read_document(text, "s.yaml"), Path())
    assert build_constraints(loaded, World(9, 9))[0].ranks == (0, 8)
    with pytest.raises(InputError) as caught:
        build_constraints(loaded, World(8, 8))
    (fault,) = caught.value.diagnostics
    assert (fault.line, fault.column, fault.path) == (7, 38, "constraints[0].ranks[1]")
    assert fault.message == "there is no rank 8 among 8 devices"
    assert fault.hint == "ranks are 0 to 7"


def test_faults_of_many_parts_are_told_together() -> None:
    text = "bacth: 1\ntopology: 3\ntables:\n  - {name: t, rows: x}\nobjective: y\n"
    assert [f[0] for f in faults(text)] == [1, 1, 2, 4, 5]


def test_nodes_that_a_machine_cannot_have_are_a_fault_of_the_line_that_asks_for_them() -> None:
    text = (
        "batch: {local: 4}\n"
        "topology: {name: gb200-nvl72, nodes: 19}\n"
        "tables: [{name: a, rows: 100, dim: 8}]\n"
    )
    with pytest.raises(InputError) as refused:
        build_case(load_document(read_document(text, "s"), Path()))
    (fault,) = refused.value.diagnostics
    assert (fault.line, fault.column, fault.path) == (2, 38, "topology.nodes")
    assert fault.message == "19 nodes do not divide into scale-up domains of 18"
