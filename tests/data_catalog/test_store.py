"""Opening stores, and lazy HDF5 arrays against what was written."""

import pickle

import h5py
import numpy as np
import pytest
import xarray as xr

from humboldt.data_catalog import DataError, hdf5_variable, open_store, read_states


@pytest.fixture
def data() -> xr.Dataset:
    return xr.Dataset({"u": (("time", "x"), np.arange(12.0).reshape(3, 4), {"units": "K"})}, {"time": [0, 1, 2]})


def test_files_and_objects_open_alike(data, tmp_path):
    data.to_netcdf(tmp_path / "u.nc")
    data.to_zarr(tmp_path / "u.zarr", zarr_format=2)
    for source in (data, tmp_path / "u.nc", str(tmp_path / "u.nc"), tmp_path / "u.zarr"):
        opened = open_store(source)
        assert np.array_equal(opened.u, data.u)
        assert opened.u.attrs == {"units": "K"}
    assert list(open_store(data.u).data_vars) == ["u"]


def test_nothing_is_read_on_opening(data, tmp_path):
    data.to_netcdf(tmp_path / "u.nc")
    opened = open_store(tmp_path / "u.nc")
    assert not opened.u.variable._in_memory
    opened.u.isel(time=1).load()
    assert not opened.u.variable._in_memory


def test_times_stay_numbers(tmp_path):
    times = xr.Dataset({"u": ("time", [1.0, 2.0])}, {"time": ("time", [0.0, 6.0], {"units": "hours since 2020-01-01"})})
    times.to_netcdf(tmp_path / "t.nc")
    assert open_store(tmp_path / "t.nc").time.values.tolist() == [0.0, 6.0]


@pytest.mark.parametrize("dtype", ["f2", "c8", "?"])
def test_hdf5_files_that_are_no_netcdf(tmp_path, dtype):
    values = np.arange(12.0).reshape(3, 4).astype(dtype)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["u"] = values
        file.create_dataset("packed", data=values, compression="lzf")
    opened = open_store(tmp_path / "a.h5")
    assert opened.u.dims == opened.packed.dims == ("phony_dim_0", "phony_dim_1")
    for name in ("u", "packed"):
        assert opened[name].dtype == values.dtype
        assert np.array_equal(opened[name][1:].values, values[1:])


def test_what_is_not_there_or_not_readable(data, tmp_path):
    data.to_netcdf(tmp_path / "burgers.nc")
    with pytest.raises(FileNotFoundError, match=r"burger.nc, which is not there; did you mean 'burgers.nc'"):
        open_store(tmp_path / "burger.nc")
    (tmp_path / "short.nc").write_bytes((tmp_path / "burgers.nc").read_bytes()[:100])
    with pytest.raises(DataError, match=r"short.nc, which cannot be read as either .*check that it is complete"):
        open_store(tmp_path / "short.nc")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match=r"a Zarr store or a NetCDF file, got .*folder"):
        open_store(tmp_path / "folder")


@pytest.mark.parametrize(
    "key",
    [(), (1,), (slice(1, 3), 0), (slice(None), slice(0, 4, 2)), ([0, 2], slice(None), 1), (-1, slice(None), [1, 0])],
)
@pytest.mark.parametrize("stacked", [False, True])
def test_hdf5_arrays_index_like_numpy(tmp_path, key, stacked):
    values = np.arange(60.0).reshape(3, 4, 5)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["whole"] = values
        for number, one in enumerate(values):
            file[f"part_{number}"] = one
    names = [f"part_{n}" for n in range(3)] if stacked else "whole"
    array = xr.DataArray(hdf5_variable(str(tmp_path / "a.h5"), names, ("s", "x", "y")))
    again = pickle.loads(pickle.dumps(array))
    assert np.array_equal(array[key], xr.DataArray(values)[key])
    assert np.array_equal(again[key], xr.DataArray(values)[key])


def test_states_are_at_places_that_there_are(tmp_path):
    xr.Dataset({"u": (("time", "x"), np.arange(6.0).reshape(2, 3))}).to_netcdf(tmp_path / "a.nc")
    path = str(tmp_path / "a.nc")
    assert read_states(path, {"time": -1})["u"].values.tolist() == [3, 4, 5]
    with pytest.raises(DataError, match=r"along dimensions of the file, .*'time'.*, got 'tim'; did you mean 'time'\?"):
        read_states(path, {"tim": 0})
    with pytest.raises(DataError, match=r"places along 'time' are 0 to 1 in this file, got 2; choose one of them"):
        read_states(path, {"time": 2})
