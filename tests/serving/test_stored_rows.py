"""Rows as inference stores them: exact bytes, and whole sectors of what is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shardplan.sharding.device_kind import DeviceKind
from shardplan.workload.serving.pruned_rows import PrunedRows
from shardplan.workload.serving.row_cache import RowCache
from shardplan.workload.serving.stored_format import RowLayout, StoredFormat

ROOT = Path(__file__).parents[2]
PUBLISHED = json.loads((ROOT / "tests" / "data" / "serving" / "row_bytes.json").read_text())["rows"]
GPU, CPU = RowLayout.of(DeviceKind.GPU), RowLayout.of(DeviceKind.CPU)


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda row: f"dim {row['dim']}")
def test_a_row_has_the_bytes_that_fbgemm_publishes(published: dict) -> None:
    for form in StoredFormat:
        found = [form.row_bytes(published["dim"], layout) for layout in (GPU, CPU)]
        assert found == published[form.value], form


def test_a_row_has_the_bytes_of_fbgemms_own_function() -> None:
    inference = pytest.importorskip("fbgemm_gpu.split_table_batched_embeddings_ops_inference")
    from fbgemm_gpu.split_embedding_configs import SparseType

    for form in StoredFormat:
        own = SparseType(form.value)
        for dim in filter(
            form.fits, (4, 8, 12, 16, 20, 36, 48, 60, 64, 72, 100, 128, 192, 252, 256, 1000)
        ):
            for layout in (GPU, CPU):
                alignment = layout.row_alignment_bytes
                expected = inference.rounded_row_size_in_bytes(dim, own, alignment)
                assert form.row_bytes(dim, layout) == expected, (form, dim, alignment)


def test_a_table_has_the_bytes_of_fbgemms_quantised_module() -> None:
    inference = pytest.importorskip("fbgemm_gpu.split_table_batched_embeddings_ops_inference")
    from fbgemm_gpu.split_embedding_configs import SparseType
    from fbgemm_gpu.split_table_batched_embeddings_ops_common import EmbeddingLocation

    for form in StoredFormat:
        table = ("t", 1001, 96, SparseType(form.value), EmbeddingLocation.HOST)
        module = inference.IntNBitTableBatchedEmbeddingBagsCodegen([table], device="cpu")
        module.initialize_weights()
        assert module.weights_host.numel() == form.table_bytes(1001, 96, CPU), form


@pytest.mark.parametrize("layout", [GPU, CPU])
def test_what_memory_gives_out_is_counted_sector_by_sector(layout: RowLayout) -> None:
    """Against the sectors that each of many rows in a row touches."""
    sector = layout.sector_bytes
    for form in StoredFormat:
        for dim in (4, 8, 32, 60, 96, 128):
            row = form.row_bytes(dim, layout)
            touched = [
                ((at + 1) * row - 1) // sector - at * row // sector + 1 for at in range(sector)
            ]
            expected = sector * sum(touched) / len(touched)
            assert form.read_bytes(dim, layout) == pytest.approx(expected), (form, dim)


def test_rows_that_end_inside_a_byte_do_not_fit() -> None:
    assert not StoredFormat.INT4.fits(7)
    assert not StoredFormat.INT2.fits(6)
    assert StoredFormat.INT2.fits(8)


def test_a_pruned_table_keeps_an_index_for_each_row_that_it_had() -> None:
    assert PrunedRows(1000, kept=10).remap_bytes == 4000
    assert PrunedRows(1000, kept=1000).remap_bytes == 0
    assert PrunedRows(2**33, kept=2**31).remap_bytes == 8 * 2**33
    assert PrunedRows(2**33, kept=2**31 - 1).remap_bytes == 4 * 2**33


def test_a_cache_has_whole_sets_of_slots_as_wide_as_the_widest_row() -> None:
    cache = RowCache.of_load_factor(rows=1000, widest_row_bytes=144, load_factor=0.2)
    assert cache.slots == 224
    assert cache.hbm_bytes == 224 * (144 + 16) + 1000 * 4


def test_the_page_has_the_bytes_of_rows_on_a_gpu() -> None:
    page = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    _, _, shown = page.partition("<!-- rows: gpu -->\n")
    head, _, *rows = shown.partition("<!-- end -->")[0].strip().splitlines()
    forms = head.split(" | ")[1:]
    for row in rows:
        dim, *sizes = map(int, row.strip("| ").split(" | "))
        expected = [StoredFormat(form.strip(" |")).row_bytes(dim, GPU) for form in forms]
        assert sizes == expected, dim
