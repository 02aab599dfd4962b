"""What the offsets in an HDF5 file lead to is what h5py reads."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import h5py
import numpy as np
import pytest

from humboldt.data_catalog import DataError, HDF5Reader, UnreadableLayoutError

VALUES = np.random.default_rng(0).normal(size=(13, 7, 9))
WAYS: dict[str, dict[str, Any]] = {
    "contiguous": {},
    "chunked": {"chunks": (5, 7, 2)},
    "zlib": {"chunks": (4, 3, 9), "compression": "gzip", "shuffle": True},
    "checked": {"chunks": (4, 3, 9), "compression": "gzip", "shuffle": True, "fletcher32": True},
    "only checked": {"chunks": (2, 2, 2), "fletcher32": True},
    "big endian": {"dtype": ">f4", "chunks": (3, 7, 9), "shuffle": True},
    "integers": {"dtype": "i2", "chunks": (3, 7, 9), "compression": 4},
    "half": {"dtype": "f2", "chunks": (3, 7, 9), "compression": 4, "shuffle": True},
    "complex": {"dtype": ">c8", "chunks": (3, 7, 9), "shuffle": True, "compression": 4},
}


@pytest.fixture
def path(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, choices in WAYS.items():
            dtype = choices.get("dtype", "f8")
            file.create_dataset(name, data=(10 * VALUES).astype(dtype), **choices)
    return str(tmp_path / "a.h5")


@pytest.mark.parametrize("access", ["mmap", "pread"])
@pytest.mark.parametrize("name", WAYS)
def test_any_positions_are_what_h5py_reads(name, access, path):
    reader = HDF5Reader(path, name, access=access)
    with h5py.File(path) as file:
        values = file[name][:]
    assert np.array_equal(reader.read_many([12, 0, 3, 3]), values[[12, 0, 3, 3]])
    where = [slice(2, 11), np.array([0, 3, 4, 6]), slice(1, 8)]
    assert np.array_equal(reader.read(where), values[2:11][:, [0, 3, 4, 6], 1:8])


def test_threads_and_processes_share_nothing_of_the_library(path):
    reader = pickle.loads(pickle.dumps(HDF5Reader(path, "zlib")))
    expected = reader.read_many(range(13))
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(reader.read_many, [range(13)] * 40):
            assert np.array_equal(found, expected)


def test_what_was_never_written_is_the_fill_value(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("chunked", (10, 4), chunks=(3, 3), dtype="i4", fillvalue=7)[3:6] = 1
        file.create_dataset("late", (10, 4), dtype="i4", fillvalue=7)
    assert HDF5Reader(tmp_path / "a.h5", "chunked").read_many([2, 3]).tolist() == [[7] * 4, [1] * 4]
    assert (HDF5Reader(tmp_path / "a.h5", "late").read_many([2, 3]) == 7).all()


def test_datasets_are_stacked(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for n in range(3):
            file.create_dataset(f"{n}/u", data=VALUES + n, chunks=(4, 7, 9))
        file.create_dataset("3/u", data=VALUES[:2])
    reader = HDF5Reader(tmp_path / "a.h5", ["0/u", "1/u", "2/u"])
    assert np.array_equal(reader.read_many([2, 0]), np.stack([VALUES + 2, VALUES]))
    with pytest.raises(UnreadableLayoutError, match="stacked datasets of one shape"):
        HDF5Reader(tmp_path / "a.h5", ["0/u", "3/u"])


def test_a_filter_of_its_own_is_left_to_h5py(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("u", data=VALUES, compression="lzf")
        file.create_dataset("words", data=["a", "b"])
    with pytest.raises(UnreadableLayoutError, match=r"the filters zlib.*got 'lzf'"):
        HDF5Reader(tmp_path / "a.h5", "u")
    with pytest.raises(UnreadableLayoutError, match="datasets of numbers"):
        HDF5Reader(tmp_path / "a.h5", "words")


@pytest.mark.parametrize("name", ["zlib", "chunked", "contiguous"])
def test_a_file_that_was_cut_is_refused(name, path):
    reader = HDF5Reader(path, name)
    with open(path, "r+b") as file:
        file.truncate(2000)
    with pytest.raises(DataError, match=r"(ends before it|another size|cannot be decoded)"):
        reader.read_many(range(13))


def test_a_file_that_changes_under_the_reader_is_refused(path):
    reader = HDF5Reader(path, "zlib")
    reader.read_many([0])
    with open(path, "ab") as file:
        file.write(b"more")
    with pytest.raises(DataError, match="has changed; open it again"):
        reader.read_many([12])
