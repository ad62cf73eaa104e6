"""A checkpoint that has changed is refused by the name of its file; nothing in one is ever run."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import random
import resource
import shutil
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
import torch.distributed.checkpoint as dcp
from click.testing import CliRunner
from rank_group import RankGroup
from test_checkpoint import alone, mixed, train_and_save
from test_native_engine import plan_of
from training_case import contents, mesh_of, sharded

from shardplan.errors import CheckpointError, RankLost, SaveFailed
from shardplan.executor.__main__ import main
from shardplan.executor.checkpoint import checked_file
from shardplan.executor.checkpoint.checkpoint import (
    latest_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from shardplan.executor.checkpoint.checkpoint_folder import CheckpointFolder
from shardplan.executor.checkpoint.index import INDEX, _read_tensor
from shardplan.executor.exchange.mesh import Mesh
from shardplan.workload.dtype import Dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from training_case import TrainingCase

FLIPS = 300


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """For one rank."""
    path = tmp_path / "plan.json"
    path.write_text(plan_of(1, "adam", "sparse_dist"))
    return path


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


def test_sixty_four_inverted_bytes_are_refused_in_every_file_of_a_run(
    plan: Path, tmp_path: Path
) -> None:
    """By ``--resume``, before a step is trained."""
    run = ["train", str(plan), "--batch", "8", "--steps", "2", "--checkpoints", str(tmp_path / "c")]
    assert CliRunner().invoke(main, run).exit_code == 0
    path = latest_checkpoint(tmp_path / "c")
    assert path is not None
    for file in sorted(path.iterdir()):
        whole = file.read_bytes()
        for at in (0, len(whole) // 2, len(whole) - 64):
            inverted = bytes(255 - byte for byte in whole[at : at + 64])
            file.write_bytes(whole[:at] + inverted + whole[at + 64 :])
            found = CliRunner().invoke(main, [*run, "--resume"])
            assert (found.exit_code, found.stdout) == (2, "")
            assert f"{file} is damaged" in found.stderr
        file.write_bytes(whole)
    assert CliRunner().invoke(main, [*run, "--resume"]).exit_code == 0


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


@pytest.mark.parametrize("name", [INDEX, "rank-00000.safetensors"])
def test_what_is_no_plain_file_is_refused_and_not_waited_for(name: str, tmp_path: Path) -> None:
    path, values = saved(tmp_path / "a")
    file, kept = path / name, tmp_path / "kept"
    file.rename(kept)
    for put in (lambda: os.mkfifo(file), file.mkdir, lambda: file.symlink_to("/dev/zero")):
        put()
        with pytest.raises(CheckpointError, match=f"{name} cannot be read: "):
            loaded(path)
        file.rmdir() if file.is_dir() else file.unlink()
    file.symlink_to(kept)
    assert loaded(path) == values


def test_a_checkpoint_under_the_name_of_another_step_is_refused(tmp_path: Path) -> None:
    path, _ = saved(tmp_path)
    renamed = path.rename(tmp_path / "step-000000009")
    with pytest.raises(CheckpointError, match="of step 5, not of step 9"):
        loaded(renamed)


def test_chunks_that_overlap_do_not_stand_for_those_that_are_missing() -> None:
    """Though together they have as many numbers as the tensor."""
    chunks = [[[0, 0], [4, 4], "a", 0], [[0, 4], [4, 4], "a", 0], [[4, 0], [4, 8], "a", 0]]
    files = {"a": checked_file.FileSums(4096, (1,), 4096)}
    tensor = {"dtype": "F32", "shape": [8, 8], "chunks": chunks}
    assert len(_read_tensor("t", tensor, files).chunks) == 3
    chunks[1] = [[2, 2], [4, 4], "a", 0]
    with pytest.raises(ValueError, match="do not make up 't'"):
        _read_tensor("t", tensor, files)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format_version": "2.0"}, "is of format 2.0; this shardplan reads 1.0"),
        ({"files": {"../x": {"bytes": 0, "block_bytes": 1, "crc32": ""}}}, "no file of a check"),
        (
            {"files": {"rank-00000.safetensors": {"bytes": 9, "block_bytes": 2**80, "crc32": "0"}}},
            "no checksums are of blocks of",
        ),
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


def test_a_checkpoint_that_was_to_be_replaced_when_its_job_was_killed_has_its_name_again(
    tmp_path: Path,
) -> None:
    path, values = saved(tmp_path)
    path.rename(tmp_path / f".{path.name}.replaced")
    assert latest_checkpoint(tmp_path) == path
    assert loaded(path) == values
    again, _ = saved(tmp_path, replace(alone(), seed=1))
    assert (again, list(tmp_path.iterdir())) == (path, [path])
    assert loaded(path) != values


def test_what_is_being_removed_is_no_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job that is killed meanwhile leaves no folder ``step-N`` that lacks a file."""
    collection = sharded(alone("sgd"), Mesh(1))
    save_checkpoint(tmp_path, 1, collection.mesh, {"sparse": collection})
    seen: list[list[Path]] = []
    remove = shutil.rmtree

    def seeing(path: Path, **more: Any) -> None:
        if Path(path).exists():
            seen.append(CheckpointFolder(tmp_path).all())
        remove(path, **more)

    monkeypatch.setattr(shutil, "rmtree", seeing)
    save_checkpoint(tmp_path, 2, collection.mesh, {"sparse": collection}, keep=1)
    assert seen == [[tmp_path / "step-000000002"]]


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
