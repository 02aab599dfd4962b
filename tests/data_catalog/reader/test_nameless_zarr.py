"""Stores that zarr-python wrote without names of dimensions are opened, converted and read from their chunks."""

import numpy as np
import pytest
import xarray as xr
import zarr

from humboldt.data_catalog import DataError, convert, open_store
from tests.data_catalog.range_server import serving

VALUES = np.random.default_rng(0).normal(size=(6, 3, 8, 8)).astype("f4")
VALUES[0, 0] = 0.0  # the fill value of zarr-python, which is no missing value


@pytest.mark.parametrize("version", [2, 3])
def test_arrays_of_a_group(version, tmp_path, caplog):
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=version, attributes={"title": "plain"})
    group.create_array("u", data=VALUES, chunks=(1, 3, 8, 8)).attrs["units"] = "m"
    group.create_array("w", data=VALUES[:, 0], chunks=(1, 8, 8))
    group.create_array("mask", data=VALUES[0, 0] > 0)
    opened = open_store(tmp_path / "a.zarr")
    assert opened.w.dims == (opened.u.dims[0], *opened.u.dims[2:])
    assert opened.mask.dims == opened.u.dims[2:]
    assert len(set(opened.u.dims)) == 4
    assert all(str(dim).startswith("phony_dim_") for dim in opened.dims)
    assert (opened.attrs, opened.u.attrs) == ({"title": "plain"}, {"units": "m"})
    assert opened.u.encoding["preferred_chunks"] == dict(zip(opened.u.dims, (1, 3, 8, 8), strict=True))
    assert np.array_equal(opened.u[[4, 0], 1:].values, VALUES[[4, 0], 1:])
    assert opened.mask.dtype == bool
    assert not caplog.text


@pytest.mark.parametrize("version", [2, 3])
def test_an_array_that_is_the_store(version, tmp_path, caplog):
    zarr.create_array(str(tmp_path / "flow.zarr"), data=VALUES, chunks=(1, 3, 8, 8), zarr_format=version)
    opened = open_store(tmp_path / "flow.zarr")
    assert np.array_equal(opened.flow[5].values, VALUES[5])
    assert not caplog.text
    store = convert(
        tmp_path / "flow.zarr",
        tmp_path / "out.zarr",
        dims={"sample": "phony_dim_0", "x": "phony_dim_2"},
        progress=False,
    )
    assert np.array_equal(xr.open_zarr(store).flow.values, VALUES)
    assert xr.open_zarr(store).flow.encoding["chunks"] == (1, 3, 8, 8)


@pytest.mark.filterwarnings("ignore:Consolidated metadata is currently")
def test_behind_a_url(tmp_path):
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=3)
    group.create_array("u", data=VALUES, chunks=(1, 3, 8, 8))
    zarr.consolidate_metadata(str(tmp_path / "a.zarr"))
    with serving(tmp_path) as server:
        assert np.array_equal(open_store(f"{server.url}/a.zarr").u[[4, 0]].values, VALUES[[4, 0]])


def test_a_group_without_arrays_is_refused_as_before(tmp_path):
    (tmp_path / "a.zarr").mkdir()
    with pytest.raises(DataError, match=r"which cannot be read as either"):
        open_store(tmp_path / "a.zarr")
