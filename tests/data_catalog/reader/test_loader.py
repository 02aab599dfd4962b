"""Batches that are read ahead are the same, in order, in bounded memory, whoever reads them."""

import os
import signal
import threading
import time
from typing import Any

import numpy as np
import pytest
import zarr

from humboldt.data_catalog import DataError, open_array, read_ahead, work_ahead

VALUES = np.random.default_rng(0).normal(size=(20, 4, 8)).astype("f4")
BATCHES = [[3, 1, 2], [19, 0, 3], [5], [6, 7, 8]] * 3


@pytest.fixture
def reader(tmp_path):
    zarr.create_group(str(tmp_path)).create_array("u", data=VALUES, chunks=(1, 4, 8), shards=(10, 4, 8))
    return open_array(tmp_path, "u")


def test_threads_give_batches_in_order(reader):
    for threads in (1, 3):
        found = list(read_ahead(reader, BATCHES, threads=threads))
        assert all(np.array_equal(a, VALUES[b]) for a, b in zip(found, BATCHES, strict=True))
    assert list(read_ahead(reader, [])) == []


def test_an_error_comes_in_its_turn(reader):
    batches = read_ahead(reader, [[1], [99], [2]])
    assert np.array_equal(next(batches), VALUES[[1]])
    with pytest.raises(IndexError, match="got 99 to 99"):
        next(batches)


class Counting:
    """Batches of 1 MB, and how many are read or wait."""

    def __init__(self) -> None:
        self.lock, self.out, self.most = threading.Lock(), 0, 0

    def read_many(self, samples: Any, out: Any = None) -> np.ndarray:
        """A batch."""
        with self.lock:
            self.out += 1
            self.most = max(self.most, self.out)
        return np.zeros(2**18, "f4")


def test_the_queue_is_bounded_in_bytes():
    source = Counting()
    for _ in read_ahead(source, [[0]] * 30, threads=4, most_bytes=3 * 2**20):
        time.sleep(0.002)
        with source.lock:
            source.out -= 1
    assert source.most <= 4  # three that wait, and the one that was handed out


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("start", ["fork", "spawn", "forkserver"])
def test_worker_processes_give_the_same_batches(start, reader):
    reader.read_many([0])  # the parent has files open
    found = list(work_ahead(reader, BATCHES, workers=2, start=start))
    assert all(np.array_equal(a, VALUES[b]) for a, b in zip(found, BATCHES, strict=True))
    view = work_ahead(reader, BATCHES, workers=2, start=start, copy=False)
    assert all(np.array_equal(next(view), VALUES[b]) for b in BATCHES)
    with pytest.raises(IndexError, match="got 99 to 99"):
        list(work_ahead(reader, [[1], [99]], workers=1, start=start))


class Deadly:
    """Samples of which one kills the process that reads it."""

    def read_many(self, samples: Any, out: Any = None) -> np.ndarray:
        """A batch."""
        if samples[0] == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return np.zeros((len(samples), 2))


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_worker_that_dies_is_noticed(monkeypatch):
    monkeypatch.setattr("humboldt.data_catalog.reader.loader.ALIVE", 0.2)
    with pytest.raises(DataError, match=r"but \[\d+\] died"):
        list(work_ahead(Deadly(), [[0], [1], [2]], workers=1, start="fork"))
