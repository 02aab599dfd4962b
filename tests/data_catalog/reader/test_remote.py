"""What comes over the network is what lies in the folder; only the ranges that are needed are asked for."""

import multiprocessing
import pickle
import socket
from typing import Any

import fsspec
import h5py
import numpy as np
import pytest
import zarr

from humboldt.data_catalog import (
    DataError,
    DiskCache,
    RemoteHDF5Reader,
    RemoteZarrReader,
    UnreadableLayoutError,
    open_array,
    open_store,
)
from humboldt.data_catalog.reader import ranges, remote_hdf5
from humboldt.data_catalog.reader.ranges import FsspecRanges, ObstoreRanges, Span, open_ranges
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


@pytest.fixture
def without_obstore(monkeypatch):
    monkeypatch.setattr(ranges, "OBSTORE", ())


@pytest.mark.parametrize("options", [{}, {"block_size": 2**16}], ids=["obstore", "fsspec"])
@pytest.mark.parametrize("name", STORES)
def test_samples_come_over_http(name, options, server):
    reader = open_array(f"{server.url}/{name}", "u", options=options)
    assert isinstance(reader, RemoteZarrReader)
    assert isinstance(reader.source, FsspecRanges if options else ObstoreRanges)
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


@pytest.mark.parametrize("through", ["obstore", "fsspec"])
def test_both_ways_to_ask_give_the_same(through, server, request):
    if through == "fsspec":
        request.getfixturevalue("without_obstore")
    source = open_ranges(f"{server.url}/raw/u", {}, 4)
    whole = (server.folder / "raw/u/c/1/0/0").read_bytes()
    names = ["c/1/0/0"] * 3 + ["c/5/0/0"]
    spans = [Span(name, *which) for name, which in zip(names, [(0, None), (3, 9), (-5, 5), (0, 4)], strict=True)]
    found = source.fetch(spans)
    assert [None if raw is None else bytes(raw) for raw in found] == [whole, whole[3:12], whole[-5:], None]
    assert source.fetch([]) == []


def test_the_environment_names_a_cache(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HUMBOLDT_READ_CACHE", str(tmp_path / "kept"))
    expected = open_array(f"{server.url}/plain", "u").read_many([0])
    server.given.clear()
    assert np.array_equal(open_array(f"{server.url}/plain", "u").read_many([0]), expected)
    assert [path for path, _ in server.given] == ["/plain/u/zarr.json"]


def test_access_is_of_local_files(server):
    with pytest.raises(DataError, match="files on a local disk are read with a chosen access"):
        open_array(f"{server.url}/plain", "u", access="pread")


def test_a_server_that_does_not_answer_is_an_error(server):
    reader = open_array(f"{server.url}/plain", "u", options={"block_size": 2**16})
    server.shutdown()
    server.server_close()
    with pytest.raises(DataError, match=r"a store gives the bytes that it is asked for, but .* does not .*; try again"):
        reader.read_many([0])


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


WAYS: dict[str, dict[str, Any]] = {
    "contiguous": {},
    "chunked": {"chunks": (5, 5, 3)},
    "zlib": {"chunks": (4, 5, 8), "compression": "gzip", "shuffle": True},
}


@pytest.fixture
def netcdf(server, tmp_path):
    with h5py.File(tmp_path / "a.nc", "w") as file:
        for name, choices in WAYS.items():
            file.create_dataset(name, data=VALUES, **choices)
        file.create_dataset("later", VALUES.shape, dtype="f4", fillvalue=3)
    return f"{server.url}/a.nc"


@pytest.mark.parametrize("name", WAYS)
def test_hdf5_comes_over_http(name, netcdf, monkeypatch):
    monkeypatch.setattr(remote_hdf5, "PIECE", 4 * 40 * 7)  # of 24 rows: four pieces, the last of them shorter
    reader = open_array(netcdf, name)
    assert isinstance(reader, RemoteHDF5Reader)
    picked = [23, 0, 7, 7, 22, 12]
    assert np.array_equal(reader.read_many(picked), VALUES[picked])
    assert np.array_equal(pickle.loads(pickle.dumps(reader)).read_many(picked), VALUES[picked])
    where = [slice(2, 21), np.array([0, 3, 4]), slice(1, 7)]
    assert np.array_equal(reader.read(where), VALUES[2:21][:, [0, 3, 4], 1:7])
    assert (open_array(netcdf, "later").read_many([1]) == 3).all()


def test_of_an_hdf5_file_the_chunks_that_are_needed_are_fetched(netcdf, server):
    reader = RemoteHDF5Reader(netcdf, "zlib")
    server.given.clear()
    reader.read_many([0, 1, 9])
    assert len(server.given) == 2
    assert sum(size for _, size in server.given) < VALUES.nbytes / 2


@pytest.mark.parametrize("piece", [1, 40, 96, 200, 10**6])
def test_pieces_of_a_contiguous_dataset_cover_it_once(piece, netcdf, server, monkeypatch):
    monkeypatch.setattr(remote_hdf5, "PIECE", piece)
    reader = RemoteHDF5Reader(netcdf, "contiguous")
    table = reader.places.reshape(-1, 3)
    ends = np.cumsum(table[:, 1]) + table[0, 0]
    assert np.array_equal(table[1:, 0], ends[:-1])
    assert table[:, 1].sum() == VALUES.nbytes
    assert np.array_equal(reader.read_many(range(24)), VALUES)


def test_what_is_no_hdf5_file(server, netcdf, tmp_path):
    (tmp_path / "b.nc").write_bytes(b"CDF\x01" + bytes(100))
    with pytest.raises(UnreadableLayoutError, match="reads HDF5 files behind a URL"):
        RemoteHDF5Reader(f"{server.url}/b.nc", "u")
    with pytest.raises(UnreadableLayoutError, match=r"datasets that are in the file \(chunked, contiguous"):
        RemoteHDF5Reader(netcdf, "contiguos")
    with pytest.raises(FileNotFoundError, match=r"got http://.*/c\.nc, which is not there"):
        open_store(f"{server.url}/c.nc")


def test_a_remote_file_is_opened_lazily_and_read_by_its_chunks(server, tmp_path, caplog):
    import xarray as xr

    from humboldt.data_catalog import Column, SampleReader

    data = xr.Dataset({"u": (("sample", "x", "y"), VALUES, {"units": "m"})})
    data.to_netcdf(tmp_path / "d.nc", engine="h5netcdf", encoding={"u": {"chunksizes": (1, 5, 8), "zlib": True}})
    url = f"{server.url}/d.nc"
    assert open_store(url)["u"].attrs["units"] == "m"
    column = Column(name="u", variable="u", offset=1.0)
    reader = SampleReader(lambda: open_store(url), [column], ["x", "y"], path=url)
    assert np.array_equal(reader.read([5, 1])[:, 0, 0], VALUES[[5, 1]] - 1)
    assert "a fraction of the speed" not in caplog.text


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
    process.join(60)
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


def test_a_server_that_does_not_answer_is_no_broken_store(caplog):
    with socket.socket() as taken:  # a port on which nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/a.zarr"
        for options in ({}, {"block_size": 2**16}):  # by obstore, where it is installed, and by fsspec
            with pytest.raises(DataError, match=r"can be reached and read, got .* for http.*check the address"):
                open_array(url, "u", options=options)
    assert not caplog.text
