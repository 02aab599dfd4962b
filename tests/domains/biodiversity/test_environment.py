"""Layers from every kind of file, and their values at places in any CRS."""

import numpy as np
import pytest
import rioxarray  # noqa: F401
import xarray as xr
from pyproj import CRS, Transformer

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity import environment as environments
from humboldt.domains.biodiversity import open_environment, sample_background
from tests.domains.biodiversity.layers import layers

X, Y = np.array([10.4, 14.4, 12.0, 9.0, 10.0]), np.array([52.0, 50.0, 51.4, 52.0, 53.0])
EXPECTED = np.array([5, 19, 12, np.nan, np.nan])


@pytest.mark.parametrize("kind", ["memory", "south", "tif", "tifs", "nc", "zarr"])
def test_every_kind_of_file_says_the_same(tmp_path, kind):
    data, source = layers(south_up=kind == "south"), None
    if kind == "tif":
        stacked = data.to_dataarray("band").assign_coords(band=[1, 2])
        stacked.attrs["long_name"] = ("warm", "wet")
        stacked.rio.to_raster(source := tmp_path / "both.tif")
    elif kind == "tifs":
        for name in ("warm", "wet"):
            data[name].rio.to_raster(tmp_path / f"{name}.tif")
        source = [tmp_path / "warm.tif", tmp_path / "wet.tif"]
    elif kind == "nc":
        data.to_netcdf(source := tmp_path / "both.nc")
    elif kind == "zarr":
        data.to_zarr(source := tmp_path / "both.zarr", zarr_format=2)
    environment = open_environment(data if source is None else source)
    values = environment.extract(X, Y)
    assert list(values.columns) == ["warm", "wet"]
    np.testing.assert_array_equal(values["warm"], EXPECTED)
    np.testing.assert_array_equal(values["wet"], -EXPECTED)


def test_what_is_on_disk_is_read_by_blocks_of_rows(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    data = layers().map(lambda layer: layer.where(layer != 7))
    for name in ("warm", "wet"):
        data[name].rio.to_raster(tmp_path / f"{name}.tif")
    monkeypatch.setattr(environments, "CELLS", 5)
    lazily, whole = open_environment([tmp_path / "warm.tif", tmp_path / "wet.tif"]), open_environment(data)
    assert [(b.start, b.stop) for b in lazily.row_blocks()] == [(0, 1), (1, 2), (2, 3), (3, 4)]
    read, largest = xr.DataArray.isel, 0

    def counted(self, *given, **named):
        nonlocal largest
        found = read(self, *given, **named)
        largest = max(largest, found.size)
        return found

    monkeypatch.setattr(xr.DataArray, "isel", counted)
    x, y = random.uniform(9, 16, 60), random.uniform(49, 53, 60)
    np.testing.assert_array_equal(lazily.extract(x, y), whole.extract(x, y))
    np.testing.assert_array_equal(lazily.valid(), whole.valid())
    assert largest == 2 * 5


def test_points_in_another_crs():
    environment = open_environment(layers())
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:3035", always_xy=True).transform(X, Y)
    np.testing.assert_array_equal(environment.extract(x, y, "EPSG:3035")["warm"], EXPECTED)


def test_layers_of_longitude_and_latitude_and_names():
    data = layers(None).rename(x="lon", y="latitude")
    environment = open_environment(data, crs="EPSG:4326", names=["t", "p"], factors=["p"])
    assert (environment.names, environment.factors, environment.shape) == (("t", "p"), ("p",), (4, 5))
    assert environment.valid().sum() == 19


def test_extraction_is_that_of_a_loop_over_the_real_raster(shared):
    folder = shared / "data" / "biodiversity" / "bradypus"
    environment = open_environment(folder / "environment.tif", factors=["biome"])
    assert environment.names == ("bio1", "bio5", "bio6", "bio7", "bio8", "bio12", "bio16", "bio17", "biome")
    x = np.random.default_rng(0).uniform(-90, -40, 50)
    y = np.random.default_rng(1).uniform(-40, 20, 50)
    values = environment.extract(x, y)
    for i in range(50):
        cell = environment.layers.sel(x=x[i], y=y[i], method="nearest")
        np.testing.assert_array_equal(values.iloc[i], cell.values)


@pytest.mark.parametrize(
    ("source", "choices", "message"),
    [
        (lambda: layers(None), {}, r"in which CRS it is, got none; pass crs='EPSG:4326'"),
        (lambda: layers(None), {"crs": "EPSG:999999"}, "one that PROJ knows, .* got 'EPSG:999999'; look it up"),
        (lambda: layers(), {"names": ["a"]}, "got 1 names for 2 layers"),
        (lambda: layers(), {"factors": ["wett"]}, r"got 'wett'; did you mean 'wet'"),
        (lambda: layers().isel(x=[0, 1, 3]), {}, "uneven steps along x"),
        (lambda: layers().rename(x="easting"), {}, r"axes x and y, or longitude and latitude"),
        (lambda: xr.Dataset({"t": (("time", "y", "x"), np.zeros((2, 3, 3)))}), {}, r"a layer lies on \(y, x\) alone"),
        (lambda: [layers(), layers().isel(x=slice(0, 4))], {}, r"(?s)one grid, got 4 x 5 .*4 x 4 .*reproject_match"),
        (lambda: [layers(), layers("EPSG:4258")], {}, r"in EPSG:4326 and 4 x 5 in EPSG:4258"),
    ],
)
def test_what_breaks_a_rule_is_named(source, choices, message):
    with pytest.raises(DataError, match=message):
        open_environment(source(), **choices)


def test_a_file_that_is_not_there(tmp_path):
    layers()["wet"].rio.to_raster(tmp_path / "wet.tif")
    with pytest.raises(FileNotFoundError, match=r"did you mean 'wet.tif'"):
        open_environment(tmp_path / "wett.tif")


def test_degrees_east_of_greenwich_alone_are_known_by_their_western_names():
    around = xr.Dataset(
        {"east": (("lat", "lon"), np.tile(np.arange(0.5, 360), (4, 1)))},
        {"lat": np.arange(4.0), "lon": np.arange(0.5, 360)},
    )
    environment = open_environment(around, crs="EPSG:4326")
    values = environment.extract([-0.2, 359.8, 12.2, -179.8], [1.0] * 4)["east"]
    np.testing.assert_array_equal(values, [359.5, 359.5, 12.5, 180.5])
    drawn = sample_background(environment, 50)
    assert drawn["decimalLongitude"].between(-180, 180).all()
    np.testing.assert_allclose(drawn["x"] % 360, drawn["decimalLongitude"] % 360)


def test_one_crs_has_many_spellings():
    spellings = ["EPSG:4326", 4326, "epsg:4326", CRS("EPSG:4326"), CRS("EPSG:4326").to_wkt()]
    assert {open_environment(layers(None), crs=said).crs for said in spellings} == {"EPSG:4326"}
    longitude_first = layers().rio.write_crs("OGC:CRS84")
    both = open_environment([layers()[["warm"]], longitude_first[["wet"]]])
    assert both.names == ("warm", "wet")
