"""What comes over the network is what lies in the folder; only the ranges that are needed are asked for."""

import multiprocessing
import pickle
from typing import Any

import fsspec
import numpy as np
import pytest
import zarr

from humboldt.data_catalog import DataError, DiskCache, RemoteZarrReader, open_array
from humboldt.data_catalog.reader.decoding import UnreadableLayoutError
from tests.data_catalog.range_server import serving

VALUES = np.random.default_rng(0).normal(size=(24, 5, 8)).astype("f4")
STORES: dict[str, dict[str, Any]] = {
    "plain": {"chunks": (1, 5, 8)},
    "raw": {"chunks": (4, 5, 8), "compressors": None},
    "sharded": {"chunks": (1, 5, 8), "shards": (8, 5, 8)},
    "second": {"chunks": (3, 5, 8), "zarr_format": 2},
}


@pytest.fixture
def server(tmp_path):
    for name, choices in STORES.items():
        group = zarr.create_group(str(tmp_path / name), zarr_format=choices.get("zarr_format", 3))
        options = {k: v for k, v in choices.items() if k != "zarr_format"}
        array = group.create_array("u", shape=VALUES.shape, dtype="f4", fill_value=-1, **options)
        array[:20] = VALUES[:20]
    with serving(tmp_path) as running:
        yield running


@pytest.mark.parametrize("name", STORES)
def test_samples_come_over_http(name, server):
    reader = open_array(f"{server.url}/{name}", "u")
    assert isinstance(reader, RemoteZarrReader)
    picked = [19, 0, 7, 7, 23, 12]
    expected = np.where(np.array(picked)[:, None, None] < 20, VALUES[picked], np.float32(-1))
    assert np.array_equal(reader.read_many(picked), expected)
    assert np.array_equal(pickle.loads(pickle.dumps(reader)).read_many(picked), expected)
    reader.threads = 3
    assert np.array_equal(reader.read_many(picked), expected)


def test_of_a_shard_the_index_and_the_chunks_are_fetched_and_no_more(server, tmp_path):
    reader = open_array(f"{server.url}/sharded", "u")
    server.given.clear()
    reader.read_many([0, 3, 9])
    whole = sum(f.stat().st_size for f in (tmp_path / "sharded" / "u" / "c").rglob("*") if f.is_file())
    sizes = [size for _, size in server.given]
    assert len(sizes) == 2 + 3
    assert sum(sizes) < whole / 3
    reader.read_many([1])
    assert len(server.given) == 6  # the index is known


def test_a_cache_on_disk_answers_the_second_time(server, tmp_path):
    cache = DiskCache(tmp_path / "cache")
    url = f"{server.url}/sharded/u"
    first = RemoteZarrReader(url, cache=cache).read_many([0, 9])
    server.given.clear()
    again = RemoteZarrReader(url, cache=DiskCache(tmp_path / "cache"))
    assert np.array_equal(again.read_many([0, 9]), first)
    assert [path for path, _ in server.given] == ["/sharded/u/zarr.json"]


def test_answers_that_are_cut_short_are_refused(server):
    reader = open_array(f"{server.url}/sharded", "u")
    server.cut = 20
    with pytest.raises(DataError, match="came 20 of 132; it is cut short, or it changed: open it again"):
        reader.read_many([0])


def test_other_file_systems_are_read_in_threads(tmp_path):
    zarr.create_array(str(tmp_path / "a"), data=VALUES, chunks=(2, 5, 8))
    memory = fsspec.filesystem("memory")
    memory.put(str(tmp_path / "a"), "/store", recursive=True)
    assert np.array_equal(RemoteZarrReader("memory://store").read_many([5, 1]), VALUES[[5, 1]])
    with pytest.raises(UnreadableLayoutError, match=r"no zarr.json and no .zarray"):
        RemoteZarrReader("memory://nowhere")


def child(reader: Any, answers: Any) -> None:
    answers.put(reader.read_many([4]))


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_reader_is_forked(server):
    reader = open_array(f"{server.url}/sharded", "u")
    reader.read_many([0])
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    process = context.Process(target=child, args=(reader, answers), daemon=True)
    process.start()
    process.join(30)
    assert process.exitcode == 0
    assert np.array_equal(answers.get(), VALUES[[4]])


def test_a_cache_keeps_to_its_size_and_to_whole_files(tmp_path):
    cache = DiskCache(tmp_path, most_bytes=1000)
    for n in range(20):
        cache.put(f"{n}", bytes([n]) * 100)
    assert sum(f.stat().st_size for f in tmp_path.iterdir()) <= 1000
    assert cache.get("0") is None
    found = cache.get("19")
    assert found is not None
    assert found.tobytes() == bytes([19]) * 100
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[:-1])
    assert cache.get("19") is None
    cache.put("large", bytes(2000))
    assert cache.get("large") is None
