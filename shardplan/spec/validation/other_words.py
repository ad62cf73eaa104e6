"""What people write who come from elsewhere, in the words of a spec."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_PREFIX = re.compile(r"^exact")
"""Of optimizers in FBGEMM: ``EXACT_SGD``."""
_NOISE = re.compile(r"[\W_]+")

_WORDS = {
    "data_parallel": "dp replicated replicate ddp",
    "table_wise": "tw tablewise",
    "column_wise": "cw colwise",
    "row_wise": "rw",
    "table_row_wise": "twrw trw",
    "table_column_wise": "twcw tcw",
    "grid_shard": "grid gs gridwise twrwcw",
    "dense": "torch",
    "fused": "hbm tbe gpu device",
    "fused_uvm": "uvm uvmmanaged managed ddr host",
    "fused_uvm_caching": "uvmcaching uvmcached cached caching managedcaching uvmcache",
    "key_value": "ssd kv ssdtbe keyvaluestore",
    "fp32": "float32 float single fp64 float64 double tf32",
    "fp16": "float16 half",
    "bf16": "bfloat16 brainfloat",
    "rowwise_adagrad": "rowadagrad rwadagrad",
    "adam": "adamw",
    "partial_rowwise_adam": "rowwiseadam",
    "partial_rowwise_lamb": "rowwiselamb",
    "lars_sgd": "lars",
    "ensemble_rowwise_adagrad": "ensemble",
    "ema_in_place_rowwise_adagrad": "ema emainplace",
    "sgd": "momentum",
    "prefetch_sparse_dist": "prefetch prefetchtrainpipelinesparsedist",
    "sparse_dist": "trainpipelinesparsedist sparse trainpipelinesparsedistcompautograd",
    "sparse_dist_lite": "trainpipelinesparsedistlite",
    "fused_sparse_dist": "trainpipelinefusedsparsedist fuseddist",
    "semi_sync": "trainpipelinesemisync semisync",
    "none": "off no trainpipelinebase base trainpipelinept2",
    "step_time": "time latency perf throughput steptime",
    "balance": "imbalance maxperf",
    "uniform": "random flat",
    "zipf": "zipfian powerlaw",
    "num_poolings": "numpoolings poolings",
    "pooling": "poolingfactor poolingfactors hotness multihot",
    "rows": "numembeddings numrows hashsize cardinality vocab vocabsize",
    "dim": "embeddingdim embdim width columns",
    "sharding": "shardingtypes shardingtype",
    "kernels": "computekernels computekernel kernel",
    "features": "featurenames feature",
    "weighted": "isweighted weights",
    "pooling_type": "poolingtype poolingmode",
    "dtype": "datatype",
    "reserve": "storagereservation",
    "batch": "batchsize",
    "topology": "nodes numnodes worldsize machine cluster hardware",
    "global": "globalbatch globalbatchsize",
    "local": "localbatch localbatchsize",
}
_SPEC_WORD = {other: word for word, others in _WORDS.items() for other in others.split()}

_NOT_TRAINED = re.compile(r"(?:torch\.)?q?u?(?:int|nf|fp|float)[248](?:_\w+|x\d)?", re.IGNORECASE)
"""Formats that only serving has."""
_VIRTUAL = re.compile("virtualtable")
"""Kernels of tables that have keys in place of rows: ``ssd_virtual_table`` and others."""
_STASH = re.compile("stash|prefetchems")
"""TorchRec's pipelines that take weights or state out of HBM in each step."""


def other_word(word: str, known: Collection[str]) -> str:
    """The known word that another stands for; empty where it stands for none of them.

    Members of enums count by their last part: ``ShardingType.ROW_WISE``, ``torch.float16``.
    """
    bare = _PREFIX.sub("", _bare(word.rpartition(".")[2]))
    meant = _SPEC_WORD.get(bare) or next((each for each in known if _bare(each) == bare), "")
    return meant if meant in known else ""


def unplanned_hint(word: str, known: Collection[str]) -> str:
    """What there is in place of a word that is known elsewhere and that no plan has: formats that
    are not trained, kernels of virtual tables, and pipelines that empty HBM for a while; empty for
    all else."""
    if "bf16" in known and _NOT_TRAINED.fullmatch(word):
        return (
            f"{word} is a format of serving, in which nothing is trained; take bf16, fp16 or fp32"
        )
    if "key_value" in known and _VIRTUAL.search(_bare(word)):
        return (
            "virtual tables (FBGEMM's, by key) grow without a number of rows that a plan could "
            "count: key_value keeps a table of fixed rows on SSD, `dynamic` of a table lets it grow"
        )
    if "sparse_dist" in known and _STASH.search(_bare(word)):
        return (
            "what leaves HBM in each step and comes back is not planned: sparse_dist counts it "
            "there all the time, and no copies"
        )
    return ""


def _bare(word: str) -> str:
    return _NOISE.sub("", word.lower())
