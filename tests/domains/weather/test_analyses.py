"""Data as they are published become one Dataset with one set of names."""

import sys

import numpy as np
import pytest
import xarray as xr

from humboldt.data_catalog import DataError
from humboldt.domains.weather import open_analyses, open_weather
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


def test_files_that_overlap_are_named_and_what_has_no_time_is_no_state(tmp_path):
    plain = analyses().assign(orog=analyses()["msl"].isel(time=0, drop=True))
    for name, times in (("a", slice(0, 4)), ("b", slice(4, 8))):
        plain.isel(time=times).to_netcdf(tmp_path / f"{name}.nc")
    assert [c.name for c in open_weather(tmp_path).channels] == [c.name for c in open_weather(plain).channels]
    np.testing.assert_array_equal(open_weather(tmp_path, static=["orog"]).batch([0]).static[0, 0], plain["orog"])
    plain.isel(time=slice(3, 8)).to_netcdf(tmp_path / "b.nc")
    with pytest.raises(DataError, match=r"follow each other, got one to 2020-02-28T18.* and one from .*T18.*cut"):
        open_weather(tmp_path)


@pytest.mark.parametrize(("units", "per_hectopascal"), [("millibar", 1), ("Pascals", 100), ("kPa", 0.1), ("hPa", 1)])
def test_levels_in_any_units_of_pressure_under_any_name(units, per_hectopascal):
    levels = np.array([925.0, 850.0]) * per_hectopascal
    other = analyses().assign_coords(level=("level", levels, {"units": units})).rename(level="lv_ISBL0")
    found = open_analyses(other)["level"]
    assert found.values.tolist() == [925, 850]
    assert found.attrs == {"kind": "hPa", "units": "hPa"}


def test_one_level_that_was_selected_keeps_its_level(tmp_path):
    one = analyses().sel(level=850)
    one.to_netcdf(tmp_path / "one.nc")
    for source in (one, tmp_path / "one.nc"):
        assert [c.name for c in open_weather(source).channels] == ["t_850", "msl"]
    np.testing.assert_array_equal(open_weather(tmp_path / "one.nc").state(3)[0], one["t"].values[3])
    assert [c.name for c in open_weather(one["t"]).channels] == ["t_850"]


def test_a_rotated_grid_is_not_taken_for_latitudes():
    rotated = analyses().rename(latitude="rlat", longitude="rlon")
    rotated["rlat"].attrs = {"units": "degrees", "standard_name": "grid_latitude"}
    rotated["rlon"].attrs = {"units": "degrees", "standard_name": "grid_longitude"}
    with pytest.raises(DataError, match=r"got \['level', 'rlat', 'rlon', 'time'\]; name .* or interpolate a rotated"):
        open_analyses(rotated)
    assert open_analyses(rotated, dims={"latitude": "rlat", "longitude": "rlon"}).sizes["latitude"] == 5


def test_a_grib_file_of_several_kinds_of_levels_is_read_whole(tmp_path):
    xarray_to_grib = pytest.importorskip("cfgrib.xarray_to_grib")
    plain = analyses().isel(latitude=slice(None, None, -1))
    path = tmp_path / "mixed.grib"
    kinds = {
        "t": ("isobaricInhPa", plain["t"].rename(level="isobaricInhPa")),
        "msl": ("meanSea", plain["msl"]),
        "t2m": ("heightAboveGround", (plain["msl"] / 400).assign_coords(heightAboveGround=2.0)),
        "u10": ("heightAboveGround", (plain["msl"] * 0 + 5).assign_coords(heightAboveGround=10.0)),
    }
    keys = {"t": "t", "msl": "msl", "t2m": "2t", "u10": "10u"}
    for name, (kind, field) in kinds.items():
        field.attrs = {"GRIB_shortName": keys[name], "GRIB_typeOfLevel": kind}
        level = {"isobaricInhPa": field["isobaricInhPa"].astype(int)} if "isobaricInhPa" in field.dims else {}
        with path.open("ab") as file:
            xarray_to_grib.canonical_dataarray_to_grib(field.assign_coords(level), file, {"edition": 2})
    opened = open_weather(path)
    assert sorted(c.name for c in opened.channels) == ["msl", "t2m", "t_500", "t_850", "u10"]
    places = [c.name for c in opened.channels]
    np.testing.assert_allclose(opened.state(2)[places.index("t_850")], analyses()["t"][2, 1], atol=1e-2)
    np.testing.assert_allclose(opened.state(2)[places.index("t2m")], analyses()["msl"][2] / 400, atol=1e-2)


def test_forecasts_stand_under_the_time_that_they_are_of(tmp_path):
    plain, step = analyses(), np.timedelta64(6, "h")
    later = plain["time"].values + step
    grib = plain.assign_coords(step=step, valid_time=("time", later))
    ours = plain.rename(time="init_time").expand_dims(lead_time=[6.0])
    ours = ours.assign_coords(valid_time=(("lead_time", "init_time"), later[None], {"standard_name": "time"}))
    ours.to_netcdf(tmp_path / "ours.nc")
    for source in (grib, ours, ours.isel(lead_time=0), tmp_path / "ours.nc"):
        found = open_analyses(source)
        np.testing.assert_array_equal(found["time"].values, later)
        np.testing.assert_array_equal(found["t"].values, plain["t"].values)
    for one in (grib.isel(time=2), grib.isel(time=[2]), ours.isel(lead_time=0, init_time=2)):
        assert open_analyses(one)["time"].values.tolist() == later[2:3].tolist()
    assert open_analyses(grib, dims={"time": "time"})["time"].values.tolist() == plain["time"].values.tolist()


def test_steps_of_one_forecast_in_grib_files_follow_each_other(tmp_path):
    eccodes, written = pytest.importorskip("eccodes"), pytest.importorskip("cfgrib.xarray_to_grib")
    field = analyses()["msl"].isel(latitude=slice(None, None, -1), time=0)
    field.attrs = {"GRIB_shortName": "msl", "GRIB_typeOfLevel": "meanSea"}
    for hours in (6, 12):
        with (tmp_path / "start.grib2").open("wb") as file:
            written.canonical_dataarray_to_grib(field, file, {"edition": 2})
        with (tmp_path / "start.grib2").open("rb") as start, (tmp_path / f"{hours}.grib2").open("wb") as file:
            message = eccodes.codes_grib_new_from_file(start)
            eccodes.codes_set(message, "forecastTime", hours)
            eccodes.codes_write(message, file)
            eccodes.codes_release(message)
    found = open_analyses([tmp_path / "12.grib2", tmp_path / "6.grib2"])["time"].values
    assert found.tolist() == (field["time"].values + np.array([6, 12], "m8[h]")).tolist()


HYBRID = {"standard_name": "atmosphere_hybrid_sigma_pressure_coordinate", "positive": "down"}


def test_files_of_a_climate_model_hold_fields_and_more():
    plain = analyses()
    more = {
        "date": ("time", 20200228 + np.arange(8)),
        "gw": ("latitude", np.ones(5)),
        "hyai": ("ilev", np.zeros(3)),
        "P0": ((), 1e5),
    }
    other = xr.Dataset(more, {"ilev": ("ilev", [400.0, 600.0, 900.0], {"units": "hPa", **HYBRID})}).merge(plain)
    assert [*other.sizes].index("ilev") < [*other.sizes].index("level")
    found = open_weather(other)
    assert [c.name for c in found.channels] == ["t_500", "t_850", "msl"]
    np.testing.assert_array_equal(found.batch([0]).fields[0, 1, 2], plain["msl"].values[1])


@pytest.mark.parametrize("units", ["hPa", "level", "1"])
def test_hybrid_levels_are_no_pressure_levels_in_any_units(units):
    other = analyses().assign_coords(level=("level", [500.0, 850.0], {"units": units, **HYBRID}))
    found = open_analyses(other)
    assert found["level"].attrs == {"kind": "model", "units": "1"}
    wanted = open_weather(analyses()).channels
    with pytest.raises(DataError, match=r"level of the kind 'hPa', the data have 'model'"):
        open_weather(other, channels=wanted)
    assert open_analyses(found)["level"].attrs["kind"] == "model"
