"""A checkpoint that has changed is refused by the name of its file; nothing in one is ever run."""

from __future__ import annotations

import hashlib
import json
import pickle
import random
import resource
import shutil
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
import torch.distributed.checkpoint as dcp
from rank_group import RankGroup
from test_checkpoint import alone, mixed, train_and_save
from training_case import contents, mesh_of, sharded

from shardplan.errors import CheckpointError, RankLost, SaveFailed
from shardplan.executor.checkpoint import checked_file
from shardplan.executor.checkpoint.checkpoint import (
    latest_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from shardplan.executor.checkpoint.index import INDEX
from shardplan.executor.exchange.mesh import Mesh
from shardplan.workload.dtype import Dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from training_case import TrainingCase

FLIPS = 300


def values_of(collection: Any) -> list[bytes]:
    return [v.tobytes() for _, _, fields in contents(collection) for v in fields.values()]


def saved(folder: Path, case: TrainingCase | None = None) -> tuple[Path, list[bytes]]:
    collection = sharded(case or alone(), Mesh(1))
    path = save_checkpoint(folder, 5, collection.mesh, {"sparse": collection})
    return path, values_of(collection)


def loaded(path: Path, case: TrainingCase | None = None, trust: bool = False) -> list[bytes]:
    collection = sharded(replace(case or alone(), seed=99), Mesh(1))
    load_checkpoint(path, collection.mesh, {"sparse": collection}, trust=trust)
    return values_of(collection)


def flip(file: Path, at: int, mask: int) -> None:
    with file.open("r+b") as stream:
        stream.seek(at)
        byte = stream.read(1)[0]
        stream.seek(at)
        stream.write(bytes([byte ^ mask]))


def test_a_flipped_byte_anywhere_is_refused_by_the_name_of_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In numbers, headers and the index; blocks are small, so that there are many."""
    monkeypatch.setattr(checked_file, "BLOCK_BYTES", 256)
    path, _ = saved(tmp_path)
    chance = random.Random(6)
    files = sorted(path.iterdir())
    assert [file.name for file in files] == [INDEX, "rank-00000.safetensors"]
    for _ in range(FLIPS):
        file = chance.choice(files)
        at, mask = chance.randrange(file.stat().st_size), chance.randrange(1, 256)
        flip(file, at, mask)
        with pytest.raises(CheckpointError, match=file.name):
            loaded(path)
        flip(file, at, mask)
    assert loaded(path) == saved(tmp_path / "again")[1]


def test_a_file_cut_off_exchanged_or_missing_is_refused(tmp_path: Path) -> None:
    path, _ = saved(tmp_path / "a")
    other, _ = saved(tmp_path / "b", replace(alone(), seed=1))
    data = path / "rank-00000.safetensors"
    shutil.copy(other / data.name, data)
    with pytest.raises(CheckpointError, match=r"rank-00000.safetensors is damaged between bytes"):
        loaded(path)
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match=r"is damaged: it has [0-9,]+ bytes, not"):
        loaded(path)
    for name, message in ((data.name, "No such file"), (INDEX, "index.json cannot be read")):
        (path / name).unlink()
        with pytest.raises(CheckpointError, match=message):
            loaded(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": "2.0"}, "is of format 2.0; this shardplan reads 1.0"),
        ({"files": {"../x": {"bytes": 0, "block_bytes": 1, "crc32": ""}}}, "no file of a check"),
        ({"tensors": {}}, "it has no sparse/steps"),
        ({"tensors": {"x": {"dtype": "F32", "shape": [2], "chunks": []}}}, "do not make up 'x'"),
        ({"step": -1}, "-1 is not a count"),
        ({"tensors": 5}, "is not the index"),
    ],
)
def test_an_index_that_says_something_else_is_refused(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    """Though its own checksum is right."""
    path, _ = saved(tmp_path)
    value = json.loads((path / INDEX).read_text())
    del value["sha256"]
    text = json.dumps(value | change).removesuffix("}")
    digest = hashlib.sha256(text.encode()).hexdigest()
    (path / INDEX).write_text(f'{text},\n"sha256": "{digest}"}}\n')
    with pytest.raises(CheckpointError, match=message):
        loaded(path)


def test_other_state_of_the_checkpoint_and_other_formats_are_refused(tmp_path: Path) -> None:
    """What would be left aside, or rounded, is said before a number is overwritten."""
    path, _ = saved(tmp_path)
    with pytest.raises(CheckpointError, match="it has sparse/t/exp_avg, which the job has not"):
        loaded(path, alone("sgd"))
    case = alone()
    half = replace(case, tables=(replace(case.tables[0], dtype=Dtype.FP16),))
    with pytest.raises(CheckpointError, match="its sparse/t/weight is F32, the job's F16"):
        loaded(path, half)


def test_data_files_are_safetensors(tmp_path: Path) -> None:
    """As the format is defined: a length, a header, the numbers."""
    path, values = saved(tmp_path)
    data = (path / "rank-00000.safetensors").read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    weight = header["sparse/t/weight[0:64,0:8]"]
    begin, end = weight["data_offsets"]
    assert (weight["dtype"], weight["shape"], length % 8) == ("F32", [64, 8], 0)
    assert data[8 + length + begin : 8 + length + end] == values[0]
    assert max(each["data_offsets"][1] for each in header.values()) == len(data) - 8 - length


class Bomb:
    """What runs code when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (self.path, "w"))


def test_nothing_is_unpickled_without_trust(tmp_path: Path) -> None:
    path, ran = tmp_path / "step-000000005", tmp_path / "ran"
    path.mkdir()
    (path / ".metadata").write_bytes(pickle.dumps(Bomb(str(ran))))
    with pytest.raises(CheckpointError, match=r"its \.metadata is a pickle.*--trust"):
        loaded(path)
    assert not ran.exists()
    assert latest_checkpoint(tmp_path) == path


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
def test_a_trusted_checkpoint_of_an_older_shardplan_loads(tmp_path: Path) -> None:
    case = alone("adagrad")
    old = sharded(case, Mesh(1))
    tensors = {
        f"sparse/t/{field}": torch.tensor(values)
        for _, _, fields in contents(old)
        for field, values in fields.items()
    }
    writer = dcp.FileSystemWriter(tmp_path / "step-000000005")
    dcp.save(tensors | {"sparse/steps": torch.tensor([5])}, storage_writer=writer, no_dist=True)
    assert loaded(tmp_path / "step-000000005", case, trust=True) == values_of(old)


@contextmanager
def full_disk(limit: int) -> Iterator[None]:
    """No file may grow beyond some bytes, as where the disk is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("limit", [0, 500, 4000])
def test_a_full_disk_leaves_the_last_checkpoint_whole(limit: int, tmp_path: Path) -> None:
    """And nothing of the new one, so that there is room for the next."""
    path, values = saved(tmp_path)
    collection = sharded(replace(alone(), seed=1), Mesh(1))
    with (
        full_disk(limit),
        pytest.raises(SaveFailed, match=r"step 6 could not be written: .*: File too large"),
    ):
        save_checkpoint(tmp_path, 6, collection.mesh, {"sparse": collection}, keep=1)
    assert list(tmp_path.iterdir()) == [path]
    assert loaded(path) == values


def save_where_one_has_no_room(case: TrainingCase, folder: str) -> str:
    collection = sharded(case, mesh_of(2))
    with full_disk(100) if collection.mesh.rank == 1 else full_disk(2**40):
        try:
            save_checkpoint(folder, 6, collection.mesh, {"sparse": collection})
        except SaveFailed as error:
            return str(error)
    return "saved"


def load_all(case: TrainingCase, path: str) -> str:
    collection = sharded(case, mesh_of(2))
    try:
        load_checkpoint(path, collection.mesh, {"sparse": collection})
    except CheckpointError as error:
        return str(error)
    return "loaded"


def test_what_one_rank_cannot_write_or_read_all_ranks_refuse(
    rank_group: Callable[[int], RankGroup], tmp_path: Path
) -> None:
    case = mixed(2, 2, "adagrad", 0)
    ranks = rank_group(2)
    ranks.run(train_and_save, case, str(tmp_path))
    one, other = ranks.run(save_where_one_has_no_room, case, str(tmp_path))
    assert one == other
    assert "rank-00001.safetensors: File too large" in one
    path = tmp_path / "step-000000005"
    assert list(tmp_path.iterdir()) == [path]
    assert ranks.run(load_all, case, str(path)) == ["loaded", "loaded"]
    data = path / "rank-00001.safetensors"
    flip(data, data.stat().st_size - 1, 1)
    one, other = ranks.run(load_all, case, str(path))
    assert one == other
    assert f"{data} is damaged" in one


def save_alone(case: TrainingCase, folder: str) -> str:
    """The other rank is gone: it neither writes nor answers."""
    import os
    import signal

    collection = sharded(case, mesh_of(2, 20.0))
    save_checkpoint(folder, 5, collection.mesh, {"sparse": collection})
    if collection.mesh.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    try:
        save_checkpoint(folder, 6, collection.mesh, {"sparse": collection})
    except RankLost as error:
        return str(error)
    return "saved"


def test_a_rank_lost_while_saving_leaves_the_last_checkpoint_whole(
    rank_group: Callable[[int], RankGroup], tmp_path: Path
) -> None:
    case = mixed(2, 2, "sgd", 1)
    with closing(RankGroup(2, 20.0)) as doomed:
        (words,) = doomed.run_on([0], save_alone, case, str(tmp_path))
    assert "rank 0 lost touch with another rank in the checkpoint" in words
    path = latest_checkpoint(tmp_path)
    assert path == tmp_path / "step-000000005"
    assert rank_group(2).run(load_all, case, str(path)) == ["loaded", "loaded"]


def test_later_checkpoints_are_not_pruned_for_earlier_ones(tmp_path: Path) -> None:
    """They are another run's."""
    collection = sharded(alone("sgd"), Mesh(1))
    for step in (10, 20, 5):
        save_checkpoint(tmp_path, step, collection.mesh, {"sparse": collection}, keep=2)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["step-000000005", "step-000000010", "step-000000020"]


def test_checksums_are_of_every_block() -> None:
    with pytest.raises(ValueError, match="not as many"):
        checked_file.FileSums(9, (1, 2), 4)
    assert np.ceil(9 / 4) == len(checked_file.FileSums(9, (1, 2, 3), 4).sums)
