import multiprocessing
import shutil

import pytest

from humboldt.batch import BatchError, staged, staging


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "home" / "waves.zarr"
    (folder / "u").mkdir(parents=True)
    (folder / "zarr.json").write_text("{}")
    (folder / "u" / "0").write_bytes(bytes(range(256)) * 100)
    return folder


def test_a_store_is_copied_once_and_found_again(store, tmp_path, monkeypatch):
    copy = staged(store, tmp_path / "disk")
    assert copy.name == "waves.zarr"
    assert (copy / "u" / "0").read_bytes() == (store / "u" / "0").read_bytes()
    monkeypatch.setattr(staging, "_copy", None)
    assert staged(store, tmp_path / "disk") == copy


def test_a_changed_source_is_copied_again(store, tmp_path):
    copy = staged(store, tmp_path / "disk")
    (store / "u" / "0").write_bytes(b"new")
    assert (staged(store, tmp_path / "disk") / "u" / "0").read_bytes() == b"new"
    assert copy.is_dir()


def test_a_copy_that_was_cut_short_is_begun_anew(store, tmp_path):
    place = staged(store, tmp_path / "disk").parent
    (place / ".state").unlink()
    (place / "waves.zarr" / "u" / "0").unlink()
    assert (staged(store, tmp_path / "disk") / "u" / "0").is_file()


def test_files_of_the_same_name_do_not_meet(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.nc").write_text(name)
    assert [staged(tmp_path / n / "x.nc", tmp_path / "disk").read_text() for n in ("a", "b")] == ["a", "b"]


def test_too_little_room_is_said_before_anything_is_copied(store, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(BatchError, match=r"needs 0 MB on the node's own disk, 0 MB of .* are free; clear it, or unset"):
        staged(store, tmp_path / "disk")
    assert not list((tmp_path / "disk").rglob("waves.zarr"))


def test_a_copy_that_differs_is_not_used(store, tmp_path, monkeypatch):
    written = staging._parts

    def altered(file):  # what is read back of the one large file is not what was written
        for part in written(file):
            if file.name.endswith("u/0") and "disk" in file.name:
                part[100] ^= 1
            yield part

    monkeypatch.setattr(staging, "_parts", altered)
    with pytest.raises(BatchError, match="differs from it; is it being written, or a disk broken"):
        staged(store, tmp_path / "disk")
    assert not list((tmp_path / "disk").rglob("waves.zarr"))


def test_what_cannot_be_staged(tmp_path, monkeypatch):
    monkeypatch.delenv("HUMBOLDT_STAGE", raising=False)
    with pytest.raises(BatchError, match="got none; set HUMBOLDT_STAGE"):
        staged(tmp_path)
    with pytest.raises(BatchError, match="does not exist; check the path"):
        staged(tmp_path / "nothing", tmp_path)


def count_copies(store, disk, done):
    copy = staging._copy

    def counted(source, target):
        with done.get_lock():
            done.value += 1
        copy(source, target)

    staging._copy = counted
    staged(store, disk)


def test_of_four_processes_one_copies(store, tmp_path):
    context = multiprocessing.get_context("fork")
    done = context.Value("i", 0)
    racers = [context.Process(target=count_copies, args=(store, tmp_path / "disk", done)) for _ in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert [racer.exitcode for racer in racers] == [0] * 4
    assert done.value == 1
