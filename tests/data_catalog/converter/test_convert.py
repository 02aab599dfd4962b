"""A converted store holds what the source holds, whoever wrote it and however often it was interrupted."""

import errno
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import dask.array
import h5py
import numpy as np
import pytest
import xarray as xr

from humboldt.data_catalog import DataError, ZarrReader, convert, open_source, open_store
from humboldt.data_catalog.converter import growing, shards
from humboldt.data_catalog.converter.store_files import FilesInFolder
from tests.data_catalog.source_files import contents, yearly

SMALL: dict[str, Any] = {"progress": False, "shard_bytes": 500, "memory": 3000}


@pytest.fixture
def years(tmp_path: Path) -> Path:
    yearly(tmp_path / "years")
    return tmp_path / "years"


def same(store: Path, source: Any) -> None:
    """Every value and every coordinate, NaN included."""
    data, truth = xr.open_zarr(store, decode_times=False, decode_coords="all"), open_source(source).data
    assert set(data.data_vars) == set(truth.data_vars)
    for name in [*truth.data_vars, *truth.coords]:
        assert data[name].dims == truth[name].dims
        assert data[name].dtype == truth[name].dtype
        assert np.array_equal(data[name].values, truth[name].values, equal_nan=truth[name].dtype.kind == "f")


def test_a_folder_of_files_becomes_one_store(years, tmp_path):
    path = convert(years, tmp_path / "t.zarr", **SMALL)
    same(path, years)
    data = xr.open_zarr(path)
    assert data.t.encoding["chunks"] == (1, 4, 6)
    assert data.t.attrs["units"] == "K"
    assert data.time.dt.year.values[[0, -1]].tolist() == [2001, 2003]
    record = data.attrs["humboldt_conversion"]
    assert record["sources"].keys() == {"t_2001.nc", "t_2002.nc", "t_2003.nc"}
    assert record["sources"]["t_2001.nc"] == shards.sha256(str(years / "t_2001.nc"))
    assert record["missing"] == {"t": 3, "land": 0}
    assert record["codecs"]["t"]["codec"] in ("none", "lz4", "lz4-bits", "zstd", "zstd-bits")
    assert record["software"].startswith("humboldt ")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.zarr", "years"]


def test_a_large_array_in_one_chunk_is_said(tmp_path, caplog):
    data = xr.Dataset({"u": (("q", "x"), np.ones((40, 50)))})
    convert(data, tmp_path / "a.zarr", **SMALL)
    assert "u is one chunk of 0 MB, as none of its dimensions is known" in caplog.text
    assert "window={'q': 1}, or dims={'sample': 'q'}" in caplog.text
    caplog.clear()
    convert(data, tmp_path / "b.zarr", window={"q": 1}, **SMALL)
    convert(data, tmp_path / "c.zarr", dims={"sample": "q"}, **SMALL)
    convert(data, tmp_path / "d.zarr", progress=False)
    assert "one chunk" not in caplog.text


@pytest.mark.parametrize("codec", ["none", "zstd"])
def test_single_values_beside_fields(tmp_path, codec):
    xr.Dataset({"u": (("time", "x"), np.ones((3, 4))), "crs": ((), 4326), "nu": ((), 0.01)}).to_netcdf(
        tmp_path / "a.nc"
    )
    same(convert(tmp_path / "a.nc", tmp_path / "a.zarr", codec=codec, progress=False), tmp_path / "a.nc")


@pytest.mark.parametrize("codec", ["none", "lz4-bits", "zstd"])
def test_our_own_reader_reads_it(years, tmp_path, codec):
    path = convert(years, tmp_path / "t.zarr", codec=codec, **SMALL)
    out = np.empty((7, 4, 6), np.float32)
    ZarrReader(path / "t").read([slice(17, 24), slice(0, 4), slice(0, 6)], out)
    assert np.array_equal(out, open_source(years).data.t[17:24], equal_nan=True)


def test_windows_shards_and_schedulers_do_not_change_the_values(years, tmp_path):
    convert(years, tmp_path / "one.zarr", scheduler="here", window={"time": 8, "lon": 4}, **SMALL)
    same(tmp_path / "one.zarr", years)
    convert(years, tmp_path / "two.zarr", workers=3, window={"time": 8, "lon": 4}, **SMALL | {"memory": 10**6})
    assert contents(tmp_path / "one.zarr") == contents(tmp_path / "two.zarr")
    convert(tmp_path / "two.zarr", tmp_path / "again.zarr", window={"time": -1, "lat": 1}, **SMALL)
    same(tmp_path / "again.zarr", years)
    assert xr.open_zarr(tmp_path / "again.zarr").t.encoding["chunks"] == (60, 1, 6)


@pytest.mark.parametrize("lazy", [False, True])
def test_objects_in_memory_and_on_dask(tmp_path, lazy):
    values = np.random.default_rng(0).standard_normal((6, 5, 4))
    fields = dask.array.from_array(values, chunks=(4, 5, 3)) if lazy else values
    labels = {"time": np.arange("2001-01", "2001-07", dtype="M8[M]").astype("M8[ns]"), "name": ("y", list("abcde"))}
    data = xr.Dataset({"u": (("time", "y", "x"), fields), "n": ("time", np.arange(6, dtype=np.uint8))}, labels)
    path = convert(data, tmp_path / "u.zarr", **SMALL)
    with xr.open_zarr(path) as back:
        assert np.array_equal(back.u, values)
        assert np.array_equal(back.n, np.arange(6))
        assert np.array_equal(back.time.values, data.time.values)
        assert back.name.values.tolist() == list("abcde")
    assert convert(data, tmp_path / "u.zarr", **SMALL) == path


def test_packed_numbers_are_unpacked(tmp_path):
    data = xr.Dataset({"t": ("time", np.array([280.0, np.nan, 281.5], np.float32), {"units": "K"})})
    data.to_netcdf(tmp_path / "p.nc", encoding={"t": {"dtype": "i2", "scale_factor": 0.5, "_FillValue": -1}})
    path = convert(tmp_path / "p.nc", tmp_path / "p.zarr", **SMALL)
    assert xr.open_zarr(path).t.values.tolist()[::2] == [280.0, 281.5]
    assert np.isnan(xr.open_zarr(path).t.values[1])


def test_what_holds_no_values_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"holds values, got u with \{'time': 0, 'x': 3\}; leave it out, or fill it"):
        convert(xr.Dataset({"u": (("time", "x"), np.zeros((0, 3)))}), tmp_path / "u.zarr", **SMALL)
    assert not list(tmp_path.iterdir())


def kill_at(monkeypatch: pytest.MonkeyPatch, number: int, error: BaseException) -> list[str]:
    """Make the run end with `error` after it has written that many shards; the keys of what was written."""
    written: list[str] = []
    write = shards.write_shard

    def dying(files: Any, array: str, key: str, *rest: Any) -> int:
        size = write(files, array, key, *rest)
        written.append(key)
        if len(written) == number:
            raise error
        return size

    monkeypatch.setattr(shards, "write_shard", dying)
    return written


def test_an_interrupted_run_goes_on_without_writing_a_shard_again(years, tmp_path, monkeypatch):
    whole = convert(years, tmp_path / "whole.zarr", scheduler="here", **SMALL)
    with monkeypatch.context() as patch:
        before = kill_at(patch, 7, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            convert(years, tmp_path / "killed.zarr", scheduler="here", **SMALL)
    assert not (tmp_path / "killed.zarr").exists()
    after = kill_at(monkeypatch, -1, KeyboardInterrupt())
    convert(years, tmp_path / "killed.zarr", scheduler="here", **SMALL)
    assert contents(tmp_path / "killed.zarr") == contents(whole)
    assert len({*before, *after}) == len(before) + len(after) - len({*before} & {*after})
    assert len({*before} & {*after}) <= 2  # those of the region that was under way
    assert len(before) == 7


def test_an_unfinished_store_is_refused_with_the_cure(years, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        kill_at(patch, 7, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            convert(years, tmp_path / "t.zarr", **SMALL)
    for name in ("t.zarr", "t.zarr.partial", "t.zarr.partial/store"):
        with pytest.raises(DataError, match=r"not finished; repeat the command that writes it"):
            open_store(tmp_path / name)
    with pytest.raises(FileExistsError, match=r"same arguments only.*codec: auto before, zstd now.*repeat those"):
        convert(years, tmp_path / "t.zarr", codec="zstd", **SMALL)
    assert open_store(convert(years, tmp_path / "t.zarr", codec="zstd", overwrite=True, **SMALL)).t.size


def test_a_finished_store_is_kept(years, tmp_path, monkeypatch):
    path = convert(years, tmp_path / "t.zarr", **SMALL)
    before = contents(path)
    with monkeypatch.context() as patch:
        patch.setattr("humboldt.data_catalog.converter.convert.completed", None)
        assert convert(years, path, **SMALL) == path
    with pytest.raises(FileExistsError, match=r"from the same source and arguments, got .*window: {} before"):
        convert(years, path, window={"time": 2}, **SMALL)
    found = max(path.stat().st_mtime_ns for path in years.iterdir())
    os.utime(years / "t_2001.nc", ns=(found, found + 1))  # as if while it was converted, before the store was written
    with pytest.raises(FileExistsError, match=r"\(the source has changed since\); choose another output or overwrite"):
        convert(years, path, **SMALL)
    assert contents(path) == before
    (tmp_path / "notes").mkdir()
    with pytest.raises(FileExistsError, match=r"only a Zarr store is overwritten, got .*notes; choose another output"):
        convert(years, tmp_path / "notes", overwrite=True, **SMALL)


def test_nothing_is_written_in_a_dry_run(years, tmp_path, capsys):
    convert(years, tmp_path / "t.zarr", dry_run=True, **SMALL)
    shown = capsys.readouterr().out
    assert "3 files" in shown
    assert "a chunk is {'time': 1, 'lat': 4, 'lon': 6}, 12 shards of (5, 4, 6)" in shown
    assert re.search(r"time +about [0-9.]+ (s|min|h) with [12] of the processor's cores, most of it for \w+, if", shown)
    assert [p.name for p in tmp_path.iterdir()] == ["years"]


def test_a_full_disk_keeps_what_is_finished(years, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        kill_at(patch, 5, OSError(errno.ENOSPC, "No space left on device"))
        with pytest.raises(OSError, match=r"the disk became full after [1-5] of 13 shards; they are kept in .*partial"):
            convert(years, tmp_path / "t.zarr", scheduler="here", **SMALL)
    same(convert(years, tmp_path / "t.zarr", **SMALL), years)
    monkeypatch.setattr("humboldt.data_catalog.converter.growing.free_bytes", lambda path: 100)
    with pytest.raises(OSError, match=r"must hold the result: needed \d+ bytes, available 100 bytes .*; free space"):
        convert(years, tmp_path / "b.zarr", **SMALL)


@pytest.mark.parametrize(("largest", "done"), [(200, 0), (1500, 1)])  # the layout is refused, or the second array
def test_a_limit_on_the_size_of_files_keeps_what_is_finished(tmp_path, largest, done):
    numbers = np.random.default_rng(0).standard_normal((8, 16, 32))
    data = xr.Dataset({"a": (("time", "x"), numbers[:, :, 0]), "u": (("time", "x", "y"), numbers)})
    choices = {"codec": "none", "progress": False, "shard_bytes": 10**6, "scheduler": "here"}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, limits[1]))
    try:
        with pytest.raises(OSError, match=rf"so large here after {done} of 2 shards; .*partial: lift the .*ulimit -f"):
            convert(data, tmp_path / "t.zarr", **choices)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("t.zarr.partial/store/a/c/0/0")}
    assert len(kept) == done
    made = convert(data, tmp_path / "t.zarr", **choices)
    assert {path.name: path.stat().st_mtime_ns for path in made.glob("a/c/0/0")}.items() >= kept.items()
    assert xr.open_zarr(made).equals(data)


@pytest.mark.integration
def test_a_disk_that_is_really_full(tmp_path, monkeypatch):
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        shutil.which("mount") is None
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk]).returncode
    ):
        pytest.skip("a small disk cannot be mounted here")
    try:
        data = xr.Dataset({"u": (("time", "x"), np.random.default_rng(0).standard_normal((64, 4096)))})
        with pytest.raises(OSError, match=r"must hold the result: needed \d+ bytes"):
            convert(data, disk / "u.zarr", **SMALL)
        monkeypatch.setattr(growing, "require_room", lambda *_: None)
        choices = {"codec": "none", "progress": False, "shard_bytes": 2**16}
        with pytest.raises(OSError, match="the disk became full after") as caught:
            convert(data, disk / "u.zarr", **choices)
        assert caught.value.errno == errno.ENOSPC
        subprocess.run(["mount", "-o", "remount,size=16m", disk], check=True)
        assert np.array_equal(xr.open_zarr(convert(data, disk / "u.zarr", **choices)).u, data.u)
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_folder_that_cannot_be_written(years, tmp_path):
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive").chmod(0o555)
    with pytest.raises(PermissionError, match=r"in a folder that can be written, got .*t.zarr .*choose another"):
        convert(years, tmp_path / "archive" / "t.zarr", **SMALL)
    (tmp_path / "archive").chmod(0o755)
    assert list((tmp_path / "archive").iterdir()) == []


def test_what_is_done_about_nan_and_infinite_values(tmp_path):
    values = np.arange(12.0).reshape(4, 3)
    values[2, 1], values[3, 0] = np.inf, np.nan
    data = xr.Dataset({"u": (("time", "x"), values)})
    with pytest.raises(DataError, match="got 1 infinite values in 'u', first at time 2, x 1; repair the source, or"):
        convert(data, tmp_path / "a.zarr", **SMALL)
    kept = convert(data, tmp_path / "b.zarr", infinite="keep", **SMALL)
    assert np.array_equal(xr.open_zarr(kept).u, values, equal_nan=True)
    masked = convert(data, tmp_path / "c.zarr", infinite="missing", **SMALL)
    assert np.isnan(xr.open_zarr(masked).u.values[[2, 3], [1, 0]]).all()
    assert xr.open_zarr(masked).attrs["humboldt_conversion"]["missing"] == {"u": 2}
    with pytest.raises(DataError, match="got 1 NaN in 'u', first at time 3, x 0; repair the source, or missing='keep'"):
        convert(data, tmp_path / "d.zarr", infinite="keep", missing="error", **SMALL)


def test_a_damaged_source_is_named_and_what_is_written_is_kept(years, tmp_path):
    last = years / "t_2003.nc"
    whole, stamp = last.read_bytes(), last.stat().st_mtime_ns
    with h5py.File(last) as file:
        chunk = file["t"].id.get_chunk_info(2)
    last.write_bytes(whole[: chunk.byte_offset] + b"\xff" * chunk.size + whole[chunk.byte_offset + chunk.size :])
    os.utime(last, ns=(stamp, stamp))
    with pytest.raises(DataError, match=r"complete NetCDF.*got .*t_2003.nc, which cannot be read.*download it again"):
        convert(years, tmp_path / "t.zarr", codec="lz4", scheduler="here", **SMALL)
    finished = len((tmp_path / "t.zarr.partial" / "journal.jsonl").read_text().splitlines())
    assert finished >= 8
    last.write_bytes(whole)
    os.utime(last, ns=(stamp, stamp))
    same(convert(years, tmp_path / "t.zarr", codec="lz4", **SMALL), years)


def test_values_that_come_back_otherwise_are_refused(years, tmp_path, monkeypatch):
    read = FilesInFolder.read_back

    def flipped(*given: Any) -> np.ndarray:
        back = read(*given)
        back.view(np.uint8).reshape(-1)[0] ^= 1
        return back

    with monkeypatch.context() as patch:
        patch.setattr(FilesInFolder, "read_back", flipped)
        with pytest.raises(DataError, match=r"what is written is what comes back, but shard .* holds other values"):
            convert(years, tmp_path / "t.zarr", **SMALL)
    same(convert(years, tmp_path / "t.zarr", **SMALL), years)


def test_real_grib_and_geotiff(shared, tmp_path):
    pytest.importorskip("cfgrib")
    pytest.importorskip("rioxarray")
    grib = convert(shared / "data/weather/era5_members_3deg", tmp_path / "era5.zarr", progress=False)
    data = xr.open_zarr(grib, decode_coords="all")
    assert data.z.dims == ("number", "time", "isobaricInhPa", "latitude", "longitude")
    assert data.z.encoding["chunks"] == (1, 1, 2, 61, 120)
    assert data.z.attrs["units"] == "m**2 s**-2"
    assert 48000 < float(data.z.sel(isobaricInhPa=500).mean()) < 60000
    assert str(data.time.values[0]).startswith("2017-01-01")
    same(grib, shared / "data/weather/era5_members_3deg")
    assert not list((shared / "data/weather/era5_members_3deg").glob("*.idx"))
    tif = convert(shared / "data/biodiversity/bradypus/environment.tif", tmp_path / "env.zarr", progress=False)
    rasters = xr.open_zarr(tif, decode_coords="all")
    assert list(rasters.data_vars)[:2] == ["bio1", "bio12"]
    assert "WGS 84" in rasters.spatial_ref.attrs["crs_wkt"]
    assert int(rasters.bio1.isnull().sum()) == rasters.attrs["humboldt_conversion"]["missing"]["bio1"] > 0


KILLER = """
import multiprocessing, random, shutil, sys, time
from humboldt.data_catalog import convert

def go(source, output):
    convert(source, output, progress=False, shard_bytes=500, memory=3000, workers=2)

def killed(source, output, seconds):
    child = multiprocessing.get_context("fork").Process(target=go, args=(source, output))
    child.start()
    child.join(seconds)
    alive = child.is_alive()
    if alive:
        child.kill()
    child.join()
    assert alive or child.exitcode == 0, child.exitcode
    return alive

if __name__ == "__main__":
    source, output, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    start = time.time()
    assert not killed(source, output + "/whole.zarr", 100)
    whole, kills, stores, chance = time.time() - start, 0, 0, random.Random(0)
    while kills < count:
        stores += 1
        for _ in range(4):
            kills += killed(source, f"{output}/{stores}.zarr", chance.uniform(0, whole))
        assert not killed(source, f"{output}/{stores}.zarr", 100)
    print(kills, stores)
"""


@pytest.mark.integration
@pytest.mark.timeout(1500)
def test_thirty_kills_at_random_instants_end_with_the_same_bytes(years, tmp_path, root):
    """Each run is killed up to four times and then ends; what it leaves is what an undisturbed run leaves."""
    output = tmp_path / "out"
    output.mkdir()
    (tmp_path / "killer.py").write_text(KILLER)
    words = [sys.executable, str(tmp_path / "killer.py"), str(years), str(output), "30"]
    done = subprocess.run(words, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    kills, stores = map(int, done.stdout.split())
    assert kills >= 30
    whole = contents(output / "whole.zarr")
    for number in range(1, stores + 1):
        assert contents(output / f"{number}.zarr") == whole
    assert len(list(output.iterdir())) == stores + 1
    same(output / "whole.zarr", years)
