"""Layers as people have them: described alike, turned, called like columns of records, or no layers at all."""

import numpy as np
import pytest
import rasterio
import rioxarray
import xarray as xr

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity import open_environment
from tests.domains.biodiversity.layers import layers


def image(path, *bands, names=(), turned=0.0):
    """A GeoTIFF of 4 x 5 cells a band."""
    values = np.stack(bands).astype(np.float32)
    about = {
        "driver": "GTiff", "dtype": "float32", "count": len(bands), "height": 4, "width": 5, "crs": "EPSG:32737",
        "transform": rasterio.Affine(1000, turned, 0, turned, -1000, 9_000_000),
    }  # fmt: skip
    with rasterio.open(path, "w", **about) as file:
        file.write(values)
        for number, name in enumerate(names, 1):
            file.set_band_description(number, name)
    return path


FIRST, SECOND = np.arange(20).reshape(4, 5), -np.arange(20).reshape(4, 5)


def test_files_that_are_described_alike_are_called_by_their_names(tmp_path):
    for name, values in (("wet", FIRST), ("dry", SECOND)):
        image(tmp_path / f"{name}.tif", values, names=["value"])
    for source in (tmp_path, str(tmp_path / "*.tif"), [tmp_path / "dry.tif", tmp_path / "wet.tif"]):
        environment = open_environment(source)
        assert environment.names == ("dry", "wet")
        assert environment.extract([1500.0], [8_998_500.0], 32737).iloc[0].tolist() == [-6, 6]
    assert open_environment(tmp_path, names=["a", "b"]).names == ("a", "b")


@pytest.mark.parametrize("names", [["one", "x"], ["decimalLatitude", "one"]])
def test_names_are_their_own(tmp_path, names):
    path = image(tmp_path / "both.tif", FIRST, SECOND, names=names)
    with pytest.raises(DataError, match=r"names of their own, got '(x|decimalLatitude)', which is .* give others"):
        open_environment(path)
    with pytest.raises(DataError, match=r"got 'one', which is a column of records or the name of two"):
        open_environment(path, names=["one", "one"])
    assert open_environment(path, names=["one", "two"]).names == ("one", "two")


def test_a_turned_grid_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"got the rotated grid of .*turned.tif; turn it with rioxarray"):
        open_environment(image(tmp_path / "turned.tif", FIRST, turned=100.0))


@pytest.mark.parametrize("name", ["words.tif", "words.nc", "empty"])
def test_what_holds_no_layers_is_refused(tmp_path, name):
    path = tmp_path / name
    path.mkdir() if name == "empty" else path.write_text("no layers")
    with pytest.raises(DataError, match=rf"got .*{name} \(.*look into"):
        open_environment(path)


@pytest.mark.parametrize("kind", [np.float32, np.int16])
def test_nodata_of_an_array_in_memory_is_no_value(tmp_path, kind):
    path, mark = image(tmp_path / "warm.tif", FIRST), kind(-3.4e38 if kind is np.float32 else -32768)
    with rasterio.open(path) as file:
        about = file.profile | {"nodata": float(mark), "dtype": np.dtype(kind).name}
    with rasterio.open(path, "w", **about) as file:
        file.write(np.where(FIRST < 3, mark, FIRST).astype(kind), 1)
    whole = open_environment(path)
    assert whole.valid().sum() == 17
    for source in (rioxarray.open_rasterio(path), rioxarray.open_rasterio(path, band_as_variable=True)):
        found = open_environment(source)
        assert np.array_equal(found.layers.values, whole.layers.values, equal_nan=True)
        assert found.crs == "EPSG:32737"
    assert open_environment(layers(), crs="EPSG:4326").valid().sum() == 19


def test_scale_and_offset_of_an_image_are_applied(tmp_path):
    path = image(tmp_path / "packed.tif", FIRST, SECOND, names=["warm", "wet"])
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (0.1, 0.1), (-273.15, -273.15)
    found = open_environment(path).extract([1500.0], [8_998_500.0], 32737)
    assert found.iloc[0].to_numpy() == pytest.approx([0.6 - 273.15, -0.6 - 273.15])


def test_a_grid_has_coordinates_of_several_cells():
    bare = xr.DataArray(FIRST, dims=("y", "x"), name="bare")
    with pytest.raises(DataError, match="two cells or more along x, got 5 cells without coordinates; give them"):
        open_environment(bare, crs=32737)
    with pytest.raises(DataError, match="two cells or more along y, got 1 cells in all"):
        open_environment(layers().isel(y=[0]))
