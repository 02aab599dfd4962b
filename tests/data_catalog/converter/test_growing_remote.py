"""A store that is written behind a URL is whole or says that it is not, as one in a folder is."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import xarray as xr

from humboldt.data_catalog import DataError, convert, open_array, open_source, open_store
from humboldt.data_catalog.converter import shards
from tests.data_catalog.object_server import serving_objects
from tests.data_catalog.source_files import contents, yearly

SMALL: dict[str, Any] = {"progress": False, "shard_bytes": 500, "memory": 3000}


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock of a URL lies in the folder for temporary files, which tests at the same time do not share."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture
def years(tmp_path: Path) -> Path:
    yearly(tmp_path / "years")
    return tmp_path / "years"


@pytest.fixture(params=["memory", "s3"])
def url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "memory":
        yield "memory://bucket/t.zarr"
        fsspec.filesystem("memory").store.clear()
        return
    with s3(monkeypatch):
        yield "s3://bucket/t.zarr"


@contextmanager
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A server of objects, where obstore looks for S3."""
    pytest.importorskip("obstore")
    with serving_objects() as server:
        said = {"ENDPOINT": server.url, "ALLOW_HTTP": "true", "REGION": "here", "ACCESS_KEY_ID": "a"}
        for name, value in {**said, "SECRET_ACCESS_KEY": "b"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        yield server


def files(url: str, folder: Path) -> dict[str, bytes]:
    """The files of a store behind a URL, as `contents` gives those of a folder."""
    from humboldt.data_catalog.reader.ranges import file_system

    there, root = file_system(url)
    there.invalidate_cache()
    for name in there.find(root):
        path = folder / name.strip("/").removeprefix(root.strip("/")).strip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(there.cat_file(name))
    return contents(folder)


def dying(monkeypatch: pytest.MonkeyPatch, number: int) -> list[str]:
    """Make the run end after so many shards; the keys of what was written."""
    written: list[str] = []
    write = shards.write_shard

    def one(files: Any, array: str, key: str, *rest: Any) -> int:
        size = write(files, array, key, *rest)
        written.append(key)
        if len(written) == number:
            raise KeyboardInterrupt
        return size

    monkeypatch.setattr(shards, "write_shard", one)
    return written


def test_it_holds_the_bytes_of_one_in_a_folder(url, years, tmp_path):
    assert convert(years, url, scheduler="here", **SMALL) == url
    convert(years, tmp_path / "t.zarr", scheduler="here", **SMALL)
    assert files(url, tmp_path / "copy") == contents(tmp_path / "t.zarr")
    assert files(f"{url}.partial", tmp_path / "partial") == {}
    truth = open_source(years).data
    assert np.array_equal(open_store(url).t, truth.t, equal_nan=True)
    assert np.array_equal(open_array(url, "t").read_many([7, 59]), truth.t[[7, 59]], equal_nan=True)
    assert convert(years, url, scheduler="here", **SMALL) == url


def test_it_says_that_it_is_not_finished_and_goes_on(url, years, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        before = dying(patch, 5)
        with pytest.raises(KeyboardInterrupt):
            convert(years, url, scheduler="here", **SMALL)
    with pytest.raises(DataError, match=r"a store is read when it is whole, got .*t\.zarr, which is not finished"):
        open_store(url)
    with pytest.raises(FileExistsError, match=r"continues with the same arguments only, got .*\.partial .*codec"):
        convert(years, url, scheduler="here", **SMALL, codec="none")
    after = dying(monkeypatch, -1)
    convert(years, url, scheduler="here", **SMALL)
    assert len({*before, *after}) == 13
    assert len(after) <= 13 - 3  # a region of shards that were not all noted is written again
    convert(years, tmp_path / "t.zarr", scheduler="here", **SMALL)
    assert files(url, tmp_path / "copy") == contents(tmp_path / "t.zarr")


def test_what_is_there_is_kept_unless_it_is_to_be_overwritten(url, years):
    convert(years, url, scheduler="here", **SMALL)
    with pytest.raises(FileExistsError, match=r"an existing output is kept .*codec: auto before, none now"):
        convert(years, url, scheduler="here", **SMALL, codec="none")
    convert(years, url, scheduler="here", **SMALL, codec="none", overwrite=True)
    assert open_store(url).attrs["humboldt_conversion"]["codecs"]["t"]["codec"] == "none"


def test_what_is_no_store_is_not_overwritten(years):
    with fsspec.open("memory://bucket/u.zarr/notes.txt", "w") as file:
        file.write("mine")
    with pytest.raises(FileExistsError, match=r"only a Zarr store is overwritten, got memory://bucket/u\.zarr"):
        convert(years, "memory://bucket/u.zarr", overwrite=True, **SMALL)
    assert fsspec.open("memory://bucket/u.zarr/notes.txt", "r").open().read() == "mine"
    fsspec.filesystem("memory").store.clear()


def test_the_other_side_takes_no_more(years, monkeypatch):
    with s3(monkeypatch) as server:
        server.left = 14
        with pytest.raises(
            OSError, match=r"but s3://bucket/t\.zarr refuses it .*what is finished is kept: repeat the same call"
        ):
            convert(years, "s3://bucket/t.zarr", scheduler="here", **SMALL)
        with pytest.raises(DataError, match="which is not finished"):
            open_store("s3://bucket/t.zarr")
        server.left = -1
        convert(years, "s3://bucket/t.zarr", scheduler="here", **SMALL)
        assert np.array_equal(open_store("s3://bucket/t.zarr").t, open_source(years).data.t, equal_nan=True)


@pytest.mark.integration
def test_a_refusal_at_any_write_leaves_what_says_so_and_can_be_gone_on_with(tmp_path, monkeypatch):
    """A write early, midway or late is refused; the next call ends with the bytes of an undisturbed conversion."""
    yearly(tmp_path / "year", [2001])
    choices = {**SMALL, "scheduler": "here", "codec": "lz4"}
    truth = open_source(tmp_path / "year").data.t
    with s3(monkeypatch) as server:
        server.left = 1000
        convert(tmp_path / "year", "s3://bucket/t.zarr", **choices)
        whole, writes = dict(server.objects), 1000 - server.left
        assert not any(".partial" in key for key in whole)
        for taken in (0, 1, 4, writes // 2, writes - 2, writes - 1):
            server.objects.clear()
            server.left = taken
            with pytest.raises(OSError, match="repeat the same call"):
                convert(tmp_path / "year", "s3://bucket/t.zarr", **choices)
            if {*whole} - {*server.objects}:  # something is lacking, and it is said
                with pytest.raises((DataError, FileNotFoundError)):
                    open_store("s3://bucket/t.zarr")
            server.left = -1
            convert(tmp_path / "year", "s3://bucket/t.zarr", **choices)
            assert server.objects == whole
            assert np.array_equal(open_store("s3://bucket/t.zarr").t, truth, equal_nan=True)


def test_a_store_cut_the_other_way_goes_through_one_on_this_machine(tmp_path):
    values = np.random.default_rng(0).standard_normal((64, 32, 8)).astype(np.float32)
    data = xr.Dataset({"u": (("time", "y", "x"), values)})
    data.to_zarr(tmp_path / "u.zarr", encoding={"u": {"chunks": (64, 1, 8)}}, consolidated=False)
    choices = {"progress": False, "shard_bytes": 4096, "memory": 2**13, "scheduler": "here"}
    convert(tmp_path / "u.zarr", "memory://bucket/v.zarr", **choices)
    assert np.array_equal(open_store("memory://bucket/v.zarr").u, values)
    fsspec.filesystem("memory").store.clear()


def test_a_file_url_is_a_folder(years, tmp_path):
    assert convert(years, f"file://{tmp_path}/t.zarr", **SMALL) == tmp_path / "t.zarr"
    assert not list(tmp_path.glob("*.partial"))
    with pytest.raises(DataError, match=r"need fsspec and the package of their protocol, got nowhere://t\.zarr"):
        convert(years, "nowhere://t.zarr", **SMALL)
