"""A dataset that xarray opened holds the same, and its values come from the chunks directly."""

import os
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from zarr.codecs import GzipCodec, ZstdCodec

from humboldt.data_catalog import DataError, open_store
from humboldt.data_catalog.reader import direct_arrays
from tests.data_catalog.range_server import serving

VALUES = np.random.default_rng(0).normal(size=(6, 5, 7)).astype("f4").round(1)
PACKED: dict[str, Any] = {"p": {"dtype": "i2", "scale_factor": 0.1, "_FillValue": -999}}
KEYS: list[dict[str, Any]] = [
    {},
    {"time": 1},
    {"time": -1, "x": slice(None, None, -1)},
    {"time": [4, 1, 1], "y": slice(None, None, -1)},
    {"y": [4, 3, 2], "x": slice(1, 6, 2)},
    {"time": slice(0, 0)},
    {"x": slice(-1, None, -3)},
    {"time": [0, 5], "x": [6, 0]},
    {"y": slice(3, 1, -1), "x": []},
    {"time": xr.DataArray([0, 3, 5], dims="q"), "x": xr.DataArray([6, 0, 2], dims="q")},
]
STORES = ["file.nc", "third.zarr", "second.zarr", "shards.zarr", "old.nc"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stores")
    dims, values = ("time", "y", "x"), VALUES.copy()
    values[1, 2] = np.nan
    data = xr.Dataset(
        {"u": (dims, values, {"units": "m"}), "p": (dims, values * 3), "n": ("y", np.arange(5)), "s": ((), 3.0)},
        {"time": ("time", np.arange(6.0), {"units": "days since 2001-01-01"}), "height": (("y", "x"), values[0])},
    )
    data.to_netcdf(folder / "file.nc", encoding={**PACKED, "u": {"zlib": True, "chunksizes": (2, 5, 7)}})
    data.to_netcdf(folder / "old.nc", format="NETCDF3_64BIT", encoding=PACKED)
    data.to_zarr(folder / "third.zarr", encoding=PACKED, consolidated=False)
    data.to_zarr(folder / "second.zarr", encoding=PACKED, zarr_format=2)
    shards = {"u": {"chunks": (1, 5, 7), "shards": (3, 5, 7)}}
    with warnings.catch_warnings():  # a server that lists no folders needs all metadata in one place
        warnings.filterwarnings("ignore", message="Consolidated metadata")
        data.to_zarr(folder / "shards.zarr", encoding={**PACKED, **shards})
    return folder


def by_xarray(path: Path) -> xr.Dataset:
    return xr.open_dataset(path, engine="zarr" if path.suffix == ".zarr" else None, decode_times=False, chunks=None)


@pytest.mark.filterwarnings("ignore:Failed to open Zarr store with consolidated")
@pytest.mark.parametrize("name", STORES)
def test_the_dataset_is_that_of_xarray(name: str, folder: Path) -> None:
    found, true = open_store(folder / name), by_xarray(folder / name)
    assert not found.u.variable._in_memory
    names = list(true.data_vars)
    xr.testing.assert_identical(found[names].load(), true[names].load())
    for variable in true.variables:
        said = [{key: str(value) for key, value in data[variable].encoding.items()} for data in (found, true)]
        assert said[0] == said[1]


@pytest.mark.filterwarnings("ignore:Failed to open Zarr store with consolidated")
@pytest.mark.parametrize("name", STORES)
@pytest.mark.parametrize("key", KEYS, ids=str)
def test_any_positions_are_those_of_xarray(name: str, key: dict[str, Any], folder: Path) -> None:
    opened, true = open_store(folder / name), by_xarray(folder / name)
    for found in (opened, pickle.loads(pickle.dumps(opened))):
        for variable in ("u", "p", "n", "height"):
            here = {d: k for d, k in key.items() if d in true[variable].dims}
            np.testing.assert_array_equal(found[variable].isel(here).values, true[variable].isel(here).values)


@pytest.mark.parametrize("name", ["third.zarr", "shards.zarr"])
def test_values_do_not_go_through_the_library_of_the_format(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_store(folder / name)
    monkeypatch.setattr(zarr.Array, "__getitem__", lambda *_: pytest.fail("zarr-python read it"))
    turned = opened.u.isel(y=slice(None, None, -1), x=np.roll(np.arange(7), 3))
    assert not turned.variable._in_memory
    assert np.array_equal(turned.isel(time=4).values, VALUES[4, ::-1][:, np.roll(np.arange(7), 3)])


def test_what_is_not_read_directly_is_left_to_the_library_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    group = zarr.create_group(str(tmp_path / "a.zarr"))
    for name in ("u", "v"):
        group.create_array(name, data=VALUES, compressors=[GzipCodec(), ZstdCodec()], dimension_names=("t", "y", "x"))
    opened = open_store(tmp_path / "a.zarr")
    for key in ({"t": 2}, {"t": [5, 0], "x": [1, 3]}):
        assert np.array_equal(opened.u.isel(key).values, xr.DataArray(VALUES, dims=("t", "y", "x")).isel(key).values)
    assert np.array_equal(opened.v.values, VALUES)
    assert caplog.text.count("is read by zarr-python, h5py or xarray, at a fraction of the speed") == 1
    assert "humboldt convert" in caplog.text


def test_a_dimension_that_grew_for_another_variable_is_filled_up(tmp_path: Path) -> None:
    netcdf = pytest.importorskip("netCDF4")
    with netcdf.Dataset(tmp_path / "a.nc", "w") as file:
        file.createDimension("time", None)
        short, long = (file.createVariable(name, "f4", ("time",)) for name in ("short", "long"))
        short[:2], long[:4] = 1.0, 2.0
    opened = open_store(tmp_path / "a.nc")
    assert opened.short.values.tolist() == [1, 1, *[netcdf.default_fillvals["f4"]] * 2]
    assert opened.long.values.tolist() == [2] * 4


def test_a_file_that_was_replaced_before_it_was_read_is_refused(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "a.nc"
    place.write_bytes((folder / "file.nc").read_bytes())
    opened = open_store(place)
    xr.Dataset({"u": (("time", "y", "x"), VALUES)}).to_netcdf(tmp_path / "b.nc")
    os.replace(tmp_path / "b.nc", place)
    with pytest.raises(DataError, match=r"stays as it is while it is read, but .*a\.nc has changed; open it again"):
        opened.u.isel(time=0).values  # noqa: B018


def test_behind_a_url_the_ranges_of_chunks_are_fetched(folder: Path) -> None:
    with serving(folder) as server:
        opened = open_store(f"{server.url}/shards.zarr")
        server.given.clear()
        assert np.array_equal(opened.u.isel(time=[4, 0]).values, VALUES[[4, 0]])
        assert len([path for path, _ in server.given if "/c/" in path]) == 4  # of two shards the index and a chunk


@pytest.mark.parametrize(
    ("positions", "read", "taken"),
    [
        (3, slice(3, 4), 0),
        (slice(2, 9), slice(2, 7), None),
        (slice(None, None, -1), slice(0, 7), slice(None, None, -1)),
        (np.array([4, 5, 6]), slice(4, 7), None),
        (np.array([6, 4]), slice(4, 7), [2, 0]),
        (np.array([0, 6]), [0, 6], None),
    ],
)
def test_neighbours_are_read_in_one_piece(positions: Any, read: Any, taken: Any) -> None:
    found = direct_arrays.covering(positions, 7)
    assert [n.tolist() if isinstance(n, np.ndarray) else n for n in found] == [read, taken]
