"""What Humboldt's reader does not know is read by its own library, with values as they are stored."""

import pickle
from pathlib import Path
from typing import Any

import h5py
import numcodecs
import numpy as np
import pytest
import xarray as xr
import zarr

from humboldt.data_catalog import DataError, open_array

VALUES = np.random.default_rng(0).integers(0, 99, (7, 5, 9)).astype("i2")
PACKED = {"scale_factor": 0.5, "add_offset": 100.0, "_FillValue": 3}


def twice_compressed(folder: Path, **attributes: Any) -> str:
    """A Zarr store of version 2 whose array has two compressors, which Humboldt leaves to zarr-python."""
    choices: Any = {"compressors": numcodecs.Zlib(), "filters": [numcodecs.Zlib()]}
    array = zarr.open_group(str(folder), mode="w", zarr_format=2).create_array(
        "u", shape=VALUES.shape, chunks=(2, 5, 4), dtype="i2", **choices
    )
    array[:] = VALUES
    array.attrs.update(attributes)
    return str(folder)


def test_values_are_as_they_are_stored_whoever_reads_them(tmp_path, caplog):
    path = twice_compressed(tmp_path / "a.zarr", _ARRAY_DIMENSIONS=["n", "y", "x"], **PACKED)
    array = open_array(path, "u")
    assert caplog.text.count("a fraction of the speed") == 1
    assert array.dtype == np.dtype("i2")
    again = pickle.loads(pickle.dumps(array))
    for reader in (array, again):
        assert np.array_equal(reader.read_many([6, 0, 0, 3]), VALUES[[6, 0, 0, 3]])


def test_arrays_without_names_of_dimensions(tmp_path):
    path = twice_compressed(tmp_path / "a.zarr")
    where = [slice(2, 6), np.array([0, 4]), np.array([8, 2, 3])]
    assert np.array_equal(open_array(path, "u").read(where), VALUES[2:6][:, [0, 4]][:, :, [8, 2, 3]])
    assert np.array_equal(open_array(f"{path}/u").read_many([1]), VALUES[[1]])


def test_filters_that_only_h5py_has_in_groups_too(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("run 1/fields/u", data=VALUES, compression="lzf", chunks=(2, 5, 9)).attrs.update(PACKED)
    array = open_array(tmp_path / "a.h5", "run 1/fields/u")
    assert np.array_equal(array.read_many([6, 0, 0, 3]), VALUES[[6, 0, 0, 3]])
    assert np.array_equal(pickle.loads(pickle.dumps(array)).read_many([2]), VALUES[[2]])


def test_other_formats_and_objects_go_through_xarray(tmp_path):
    data = xr.Dataset({"u": (("n", "y", "x"), VALUES)})
    data.to_netcdf(tmp_path / "old.nc", format="NETCDF3_CLASSIC")
    for source in (tmp_path / "old.nc", data, data.chunk({"n": 2})):
        assert np.array_equal(open_array(source, "u").read_many([6, 0]), VALUES[[6, 0]])


def test_damage_is_said_whoever_reads(tmp_path):
    path = twice_compressed(tmp_path / "a.zarr")
    chunk = tmp_path / "a.zarr" / "u" / "0.0.0"
    chunk.write_bytes(chunk.read_bytes()[:20])
    with pytest.raises(DataError, match=r"can be decoded, but zarr-python says of u in .*a\.zarr.*; copy or write"):
        open_array(path, "u").read_many([0])
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("u", data=VALUES)
    (tmp_path / "a.h5").write_bytes((tmp_path / "a.h5").read_bytes()[:-100])
    with pytest.raises(DataError, match=r"is complete and can be read, got .*a\.h5.*copy or download it again"):
        open_array(tmp_path / "a.h5", "u")


def test_what_is_not_there(tmp_path):
    path = twice_compressed(tmp_path / "a.zarr", _ARRAY_DIMENSIONS=["n", "y", "x"])
    with pytest.raises(KeyError, match=r"No variable named 'v'"):
        open_array(path, "v")
    with pytest.raises(FileNotFoundError, match=r"got .*b\.zarr, which is not there; did you mean 'a\.zarr'"):
        open_array(tmp_path / "b.zarr", "u")
