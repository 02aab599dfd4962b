"""Data as they are published become one Dataset with one set of names."""

import sys

import numpy as np
import pytest
import xarray as xr

from humboldt.data_catalog import DataError
from humboldt.domains.weather import open_analyses
from humboldt.domains.weather.analyses import starting_at
from tests.data_catalog.file_server import FileServer
from tests.domains.weather.analyses_on_disk import analyses


def test_names_directions_and_branches_make_no_difference():
    plain = analyses()
    other = plain.isel(latitude=slice(None, None, -1)).rename(
        t="ta", level="plev", latitude="lat", longitude="lon", time="valid_time"
    )
    other = other.assign_coords(plev=("plev", [50000.0, 85000.0], {"units": "Pa", "axis": "Z"}))
    found = open_analyses(other)
    assert found["ta"].dims == ("time", "level", "latitude", "longitude")
    np.testing.assert_array_equal(found["ta"].values, plain["t"].values)
    assert found["level"].values.tolist() == [500, 850]
    assert found["level"].attrs == {"kind": "hPa", "units": "hPa"}


def test_a_seam_and_a_cyclic_column_go():
    plain = analyses()
    split = plain.assign_coords(longitude=(plain.longitude + 180) % 360 - 180)  # 0 ... 135, -180 ... -45
    assert open_analyses(split)["longitude"].values.tolist() == plain.longitude.values.tolist()
    closed = xr.concat([plain, plain.isel(longitude=[0]).assign_coords(longitude=[360.0])], dim="longitude")
    assert open_analyses(closed).sizes["longitude"] == 8
    rolled = starting_at(open_analyses(plain), -180.0)
    assert rolled["longitude"].values.tolist() == (np.arange(8) * 45.0 - 180).tolist()
    np.testing.assert_array_equal(rolled["msl"].sel(longitude=-45).values, plain["msl"].sel(longitude=315).values)


def test_files_are_joined_in_time_and_put_side_by_side(tmp_path):
    plain = analyses()
    plain[["t"]].isel(time=slice(4, 8)).to_netcdf(tmp_path / "a_late.nc")
    plain[["t"]].isel(time=slice(0, 4)).to_netcdf(tmp_path / "b_early.nc")
    plain[["msl"]].to_netcdf(tmp_path / "c_surface.nc")
    for source in (tmp_path, str(tmp_path / "*.nc"), sorted(tmp_path.iterdir())):
        found = open_analyses(source)
        np.testing.assert_array_equal(found["t"].values, plain["t"].values)
        np.testing.assert_array_equal(found["msl"].values, plain["msl"].values)
        np.testing.assert_array_equal(found["time"].values, plain["time"].values)


def test_a_zarr_store_is_opened(tmp_path):
    plain = analyses()
    plain.to_zarr(tmp_path / "era.zarr", consolidated=False)
    xr.testing.assert_equal(open_analyses(tmp_path / "era.zarr")["t"].load(), open_analyses(plain)["t"])


def test_what_is_reduced_goes_piece_by_piece_under_any_names(tmp_path):
    other = analyses().rename(latitude="lat", longitude="lon", time="valid_time", level="plev")
    other.to_zarr(tmp_path / "era.zarr", encoding={"t": {"chunks": (2, 1, 5, 8)}}, consolidated=False)
    assert open_analyses(tmp_path / "era.zarr")["t"].chunks == ((2,) * 4, (1, 1), (5,), (8,))
    for name, times in (("late", slice(4, 8)), ("early", slice(0, 4))):
        other.isel(valid_time=times).to_netcdf(tmp_path / f"{name}.nc")
    found = open_analyses([tmp_path / "late.nc", tmp_path / "early.nc"])
    assert found["t"].chunks == ((4, 4), (2,), (5,), (8,))


def test_times_without_units_count_from_begin_date():
    plain = analyses().isel(time=slice(0, 2))
    minutes = plain.assign_coords(time=("time", [180, 360], {"begin_date": 20200301, "begin_time": 0}))
    assert open_analyses(minutes)["time"].values[0] == np.datetime64("2020-03-01T03:00")
    with pytest.raises(DataError, match=r"counts from a date, as in .*, got units 'hours'"):
        open_analyses(plain.assign_coords(time=("time", [0, 6], {"units": "hours"})))


def test_model_levels_stay_numbers():
    plain = analyses().assign_coords(level=("level", [34.0, 72.0])).rename(level="lev")
    assert open_analyses(plain)["level"].attrs["kind"] == "model"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.isel(time=slice(None, None, -1)), r"times rise, got .* sort them with data.sortby\('time'\)"),
        (lambda d: d.isel(time=[0, 0, 1]), r"each time stands once, got .* twice"),
        (
            lambda d: d.rename(latitude="row"),
            r"dimensions for latitude and longitude, got \['level', 'longitude', 'row'",
        ),
        (lambda d: d.isel(longitude=[3, 1, 0, 2]), r"longitudes rise, once around at most"),
        (lambda d: d.expand_dims(step=2), r"got \['step'\] beside them; select one, as in data.isel\(step=0\)"),
    ],
)
def test_refusals(change, message):
    data = analyses()
    data["latitude"].attrs.clear()
    with pytest.raises(DataError, match=message):
        open_analyses(change(data))


def test_calendars_are_not_mixed():
    plain = analyses()
    other = plain.convert_calendar("noleap", use_cftime=True)
    with pytest.raises(DataError, match=r"share their calendar, got \['noleap', 'proleptic_gregorian'\]"):
        open_analyses([plain, other])


def test_missing_files_and_missing_readers(tmp_path, monkeypatch):
    analyses().to_netcdf(tmp_path / "storm.nc")
    with pytest.raises(FileNotFoundError, match=r"storn.nc is not there; did you mean 'storm.nc'"):
        open_analyses(tmp_path / "storn.nc")
    with pytest.raises(FileNotFoundError, match=r"nothing matches"):
        open_analyses(str(tmp_path / "*.grib"))
    (tmp_path / "broken.nc").write_bytes(b"not a file")
    with pytest.raises(DataError, match=r"broken.nc, which cannot be read"):
        open_analyses(tmp_path / "broken.nc")
    monkeypatch.setitem(sys.modules, "cfgrib", None)
    (tmp_path / "a.grib").write_bytes(b"GRIB")
    with pytest.raises(ImportError, match=r"GRIB files need cfgrib: pip install \"humboldt\[weather\]\""):
        open_analyses(tmp_path / "a.grib")


@pytest.mark.parametrize("name", ["analyses.nc", "analyses.zarr"])
def test_data_behind_a_url(tmp_path, name):
    """On loopback: a file is fetched whole, a store is read chunk by chunk, and only those that are asked for."""
    given = analyses()
    if name.endswith(".nc"):
        given.to_netcdf(tmp_path / name)
    else:
        given.chunk(time=1).to_zarr(tmp_path / name, zarr_format=2, consolidated=True)
    server = FileServer()
    server.files = {str(p.relative_to(tmp_path)): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    try:
        found = open_analyses(server.url(name))
        np.testing.assert_array_equal(found["t"].isel(time=3).values, given["t"].isel(time=3).values)
        asked = {path for path, _ in server.asked}
        assert name.endswith(".nc") or ("analyses.zarr/t/3.0.0.0" in asked and "analyses.zarr/t/2.0.0.0" not in asked)
        with pytest.raises((DataError, FileNotFoundError), match=r"nothing.nc"):
            open_analyses(server.url("nothing.nc"))
    finally:
        server.shutdown()
        server.server_close()
