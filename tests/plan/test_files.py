import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shardplan.errors import InputError
from shardplan.files import check_writable, make_folder, write_atomically


def test_writes_a_new_file_and_leaves_nothing_else(tmp_path):
    write_atomically(tmp_path / "plan.json", "né")
    assert (tmp_path / "plan.json").read_text(encoding="utf-8") == "né"
    assert os.listdir(tmp_path) == ["plan.json"]


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace"])
def test_a_full_disk_leaves_the_old_file_whole_and_no_rubbish(tmp_path, monkeypatch, step):
    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    target = tmp_path / "plan.json"
    target.write_text("old")
    monkeypatch.setattr(step, full)
    with pytest.raises(InputError, match=r"plan\.json: error: cannot write: No space left"):
        write_atomically(target, "new")
    monkeypatch.undo()
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["plan.json"]


def test_an_interrupt_leaves_the_old_file_whole_and_no_rubbish(tmp_path, monkeypatch):
    def interrupt(*_args):
        raise KeyboardInterrupt

    target = tmp_path / "plan.json"
    target.write_text("old")
    monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(target, "new")
    monkeypatch.undo()
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["plan.json"]


KILLED = """
import os, signal, sys
from shardplan import files

os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
files.write_atomically(sys.argv[1], "new")
"""


def test_what_killed_writers_leave_goes_with_the_next_write(tmp_path):
    target = tmp_path / "plan.json"
    target.write_text("old")
    killed = subprocess.run([sys.executable, "-c", KILLED, target], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert target.read_text() == "old"
    assert len(os.listdir(tmp_path)) == 2
    write_atomically(tmp_path / "other.json", "other")
    assert sorted(os.listdir(tmp_path)) == ["other.json", "plan.json"]


def test_what_another_process_is_writing_is_no_scrap(tmp_path, monkeypatch):
    """Nor are files of people whose names only look like it."""
    (tmp_path / ".shardplan-notes.tmp").touch()
    replace, held = Path.replace, []

    def slow(path, target):
        monkeypatch.setattr(Path, "replace", replace)
        held.append(path)
        write_atomically(tmp_path / "other.json", "other")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", slow)
    write_atomically(tmp_path / "plan.json", "new")
    assert (tmp_path / "plan.json").read_text() == "new"
    assert not held[0].exists()
    assert sorted(os.listdir(tmp_path)) == [".shardplan-notes.tmp", "other.json", "plan.json"]


def test_a_missing_folder_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="cannot write: No such file or directory"):
        write_atomically(tmp_path / "none" / "plan.json", "new")


def test_a_folder_in_place_of_the_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="cannot write: Is a directory"):
        write_atomically(tmp_path, "new")


def test_keeps_permissions_and_follows_links(tmp_path):
    target, link = tmp_path / "plan.json", tmp_path / "link.json"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    write_atomically(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o777 == 0o640


def test_writes_through_a_device_without_replacing_it():
    write_atomically("/dev/null", "new")
    assert not Path("/dev/null").is_file()


def test_writes_through_a_pipe_that_has_no_path():
    reader, writer = os.pipe()
    try:
        write_atomically(f"/dev/fd/{writer}", "new")
        assert os.read(reader, 10) == b"new"
    finally:
        os.close(reader)
        os.close(writer)


def test_a_place_that_can_be_written_is_left_as_it_was(tmp_path):
    (tmp_path / "old.json").write_text("old")
    check_writable(tmp_path / "old.json")
    check_writable(tmp_path / "new.json")
    check_writable("/dev/null")
    assert os.listdir(tmp_path) == ["old.json"]
    assert (tmp_path / "old.json").read_text() == "old"


def test_places_that_cannot_be_written_are_known_before(tmp_path):
    (tmp_path / "file").touch()
    for path, message in (
        ("", "the path is empty"),
        (tmp_path, "is a folder"),
        (tmp_path / "none" / "plan.json", "there is no folder"),
        (tmp_path / "file" / "plan.json", "Not a directory"),
        (tmp_path / ("x" * 300), "File name too long"),
    ):
        with pytest.raises(InputError, match=f"cannot write: {message}"):
            check_writable(path)


def test_a_read_only_folder_is_known_before_also_where_the_file_exists(tmp_path, monkeypatch):
    def refused(*_args):
        raise OSError(errno.EROFS, "Read-only file system")

    (tmp_path / "plan.json").touch()
    monkeypatch.setattr("os.open", refused)
    with pytest.raises(InputError, match="cannot write: Read-only file system"):
        check_writable(tmp_path / "plan.json")


def test_a_file_that_is_read_is_not_written_over_by_whatever_name(tmp_path):
    spec, link = tmp_path / "spec.yaml", tmp_path / "link.yaml"
    spec.write_text("batch: 1")
    link.symlink_to(spec)
    for path in (spec, link, tmp_path / "." / "spec.yaml"):
        with pytest.raises(InputError, match="it is read here, and what it holds would be lost"):
            check_writable(path, [tmp_path / "none.csv", spec])
    check_writable(tmp_path / "plan.json", [spec, "-"])
    check_writable("/dev/null", ["/dev/null"])


def test_a_folder_is_not_made_in_place_of_a_file(tmp_path):
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file: error: cannot write: is no folder"):
        make_folder(tmp_path / "file")


def test_folders_of_processes_that_were_killed_go_when_the_next_one_is_made(tmp_path):
    code = """
import os, signal
from shardplan.scratch_folder import ScratchFolder
(ScratchFolder().path / "rendezvous").write_text("")
os.kill(os.getpid(), signal.SIGKILL)
"""
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    (left,) = tmp_path.iterdir()
    (tmp_path / "shardplan-others00").mkdir()
    code = """
import os
from shardplan.scratch_folder import ScratchFolder
mine, second = ScratchFolder(), ScratchFolder()
print(mine.path.exists(), second.path.exists())
mine.remove()
second.remove()
"""
    told = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    assert told.stdout == "True True\n"
    assert not left.exists()
    assert os.listdir(tmp_path) == ["shardplan-others00"]
