"""Many files as one lazy dataset: what it holds, in which order, and what does not fit together."""

import itertools
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from humboldt.data_catalog import DataError, open_source, open_store
from humboldt.data_catalog.converter.headers import native_chunks
from tests.data_catalog.source_files import one_year, runs, yearly


def test_years_are_one_axis_in_one_unit(tmp_path):
    paths = yearly(tmp_path / "years")
    data = open_source(tmp_path / "years").data
    parts = [xr.open_dataset(path, decode_times=False) for path in paths]
    assert np.array_equal(data.t, np.concatenate([part.t for part in parts]), equal_nan=True)
    assert np.array_equal(data.time, np.concatenate([365 * year + np.arange(20) + 0.5 for year in range(3)]))
    assert data.time.attrs["units"] == "days since 2001-01-01"
    assert np.array_equal(data.time_bnds[:, 0], data.time - 0.5)
    assert np.array_equal(data.land, parts[0].land)
    assert data.attrs["title"] == "made"
    assert "created" not in data.attrs
    assert not data.t.variable._in_memory


@pytest.mark.parametrize(
    "key",
    [(), (3,), (slice(15, 45, 7),), (slice(None), 2, slice(1, 3)), ([50, 3, 19, 20],), (slice(5, 5),), (-1, 1, 2)],
)
def test_joined_values_index_like_numpy(tmp_path, key):
    yearly(tmp_path / "years")
    data = pickle.loads(pickle.dumps(open_source(tmp_path / "years").data))
    assert np.array_equal(data.t[key].values, data.t.load()[key].values, equal_nan=True)


def test_runs_become_samples_in_the_order_of_numbers(tmp_path):
    runs(tmp_path / "runs", count=11)
    data = open_source(tmp_path / "runs").data
    assert data.u.dims == ("sample", "time", "x")
    assert np.array_equal(data.amplitude, 1.0 + np.arange(11))
    assert np.array_equal(data.u[10], xr.open_dataset(tmp_path / "runs" / "run_10.nc").u)
    assert np.array_equal(data.u[:, 2, 3], data.u.load()[:, 2, 3])


def test_variables_in_files_of_their_own_stand_side_by_side(tmp_path):
    whole = one_year(2001, "standard")
    whole[["t"]].to_netcdf(tmp_path / "t.nc")
    whole[["land"]].to_netcdf(tmp_path / "land.nc")
    data = open_source([tmp_path / "t.nc", tmp_path / "land.nc"]).data
    assert {name: field.dims for name, field in data.data_vars.items()} == {
        "t": ("time", "lat", "lon"),
        "land": ("lat", "lon"),
    }
    assert np.array_equal(data.t, whole.t, equal_nan=True)
    assert np.array_equal(data.land[1:, 2], whole.land[1:, 2])
    (whole.t * 2).rename("s").isel(lat=slice(2)).to_netcdf(tmp_path / "s.nc")
    with pytest.raises(DataError, match=r"different variables share their coordinates, got .*t.nc"):
        open_source([tmp_path / "t.nc", tmp_path / "s.nc"])


def test_what_all_runs_share_lies_in_a_file_of_its_own(tmp_path):
    runs(tmp_path / "runs", count=3)
    xr.Dataset({"viscosity": ("x", np.arange(8.0)), "nu": ((), 0.1)}).to_netcdf(tmp_path / "runs" / "all.nc")
    data = open_source(tmp_path / "runs").data
    assert (data.u.dims, data.viscosity.dims, data.nu.dims) == (("sample", "time", "x"), ("x",), ())
    assert np.array_equal(data.viscosity, np.arange(8.0))


def test_runs_of_different_lengths_are_not_taken_for_one(tmp_path):
    (tmp_path / "samples").mkdir()
    for run, frames in enumerate((3, 5)):
        data = xr.Dataset({"u": (("t", "x"), np.full((frames, 4), float(run)))})
        data.to_netcdf(tmp_path / f"{run}.nc")
        data.rename(t="sample").to_netcdf(tmp_path / "samples" / f"{run}.nc")
    with pytest.raises(DataError, match=r"got 3 along 't' in .*0.nc and 5 in .*1.nc, without any; .*join='t'.*, cut"):
        open_source(tmp_path)
    assert open_source(tmp_path, join="t").data.u[:, 0].values.tolist() == [0] * 3 + [1] * 5
    assert open_source(tmp_path / "samples").data.u.sizes == {"sample": 8, "x": 4}


def ensemble(folder: Path, *, scalar: bool, leave_out: int | None = None) -> xr.Dataset:
    """Two periods of three members in six files; the whole."""
    parts = [one_year(2001, "noleap"), one_year(2002, "noleap")]
    days = ("time", np.arange(40) + 0.5, {"units": "days since 2001-01-01", "calendar": "noleap"})
    joined = xr.concat([part.t.drop_vars("time") for part in parts], "time").drop_encoding()
    values = joined.expand_dims(member=[3, 1, 2], axis=1).assign_coords(time=days)
    whole = xr.Dataset({"t": values * (1 + values.member), "land": parts[0].land.drop_encoding()})
    for n, (member, year) in enumerate(itertools.product(range(3), range(2))):
        one = whole.isel(member=member if scalar else [member], time=slice(20 * year, 20 * year + 20))
        if n != leave_out:
            one.to_netcdf(folder / f"{n}.nc")
    return whole


@pytest.mark.parametrize("scalar", [False, True], ids=["dimension", "single value"])
def test_members_and_periods_fill_a_grid(scalar, tmp_path):
    whole = ensemble(tmp_path, scalar=scalar)
    data = pickle.loads(pickle.dumps(open_source(tmp_path).data))
    expected = whole.transpose("member", "time", "lat", "lon").t if scalar else whole.sortby("member").t
    assert data.t.dims == expected.dims
    assert np.array_equal(data.member, expected.member)
    assert data.time.size == 40
    assert np.array_equal(data.t, expected, equal_nan=True)
    assert (data.land == whole.land).all()
    for key in ({"time": slice(15, 30), "member": [2, 0]}, {"time": 25}, {"member": 1, "lat": [2, 0]}):
        assert np.array_equal(data.t.isel(key), expected.isel(key), equal_nan=True)


def test_members_that_lack_a_period_are_refused(tmp_path):
    ensemble(tmp_path, scalar=True, leave_out=3)
    with pytest.raises(DataError, match=r"fill a grid of two, got files that differ along \['member', 'time'\].*gaps"):
        open_source(tmp_path)


def test_names_and_variables_are_chosen(tmp_path):
    runs(tmp_path / "runs", count=2)
    opened = open_source(str(tmp_path / "runs" / "*.nc"), variables=["u"], dims={"time": "time"}, join="member")
    assert opened.data.u.dims == ("member", "time", "x")
    assert list(opened.data.data_vars) == ["u"]
    with pytest.raises(DataError, match=r"taken by name, got 'v', and the data have \['u', 'amplitude'\]"):
        open_source(tmp_path / "runs", variables=["v"])
    with pytest.raises(DataError, match=r"got time='tim'; they have .*did you mean 'time'"):
        open_source(tmp_path / "runs", dims={"time": "tim"})


def test_chunks_keep_their_places_under_new_names(tmp_path):
    data = xr.Dataset({"u": (("t", "y"), np.zeros((6, 4)))})
    data.to_zarr(tmp_path / "a.zarr", encoding={"u": {"chunks": (2, 4)}}, consolidated=False)
    opened = open_source(tmp_path / "a.zarr", dims={"time": "t"}).data
    assert native_chunks(opened.u.variable) == {"time": 2, "y": 4}


def test_plain_hdf5_and_groups(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["one/field"] = np.arange(12.0).reshape(3, 4)
        file["one/names"] = np.array([b"a", b"b"])
    opened = open_source(tmp_path / "a.h5", group="one", dims={"time": "phony_dim_0", "x": "phony_dim_1"}).data
    assert opened.field.dims == ("time", "x")
    assert list(opened.data_vars) == ["field"]
    with pytest.raises(
        DataError, match=r"one group of a file, got .*a\.h5 with the groups \['one'\]; name one: group="
    ):
        open_source(tmp_path / "a.h5")
    xr.Dataset(attrs={"title": "nothing"}).to_netcdf(tmp_path / "b.nc")
    with pytest.raises(DataError, match="hold numeric variables, got none at all; name another file or group"):
        open_source(tmp_path / "b.nc")


def test_a_folder_opens_as_a_store(tmp_path):
    runs(tmp_path / "runs")
    assert open_store(tmp_path / "runs").u.sizes == {"sample": 5, "time": 6, "x": 8}


def refusals() -> list:
    def mixed(folder: Path) -> None:
        yearly(folder, [2001])
        yearly(folder, [2002], calendar="360_day")

    def unknown(folder: Path) -> None:
        yearly(folder, calendar="no_leap")

    def units(folder: Path) -> None:
        yearly(folder, [2001])
        yearly(folder, [2002], units="degC")

    def overlapping(folder: Path) -> None:
        yearly(folder, [2001, 2002])
        one_year(2001, "noleap").assign_coords(time=one_year(2001, "noleap").time + 10).to_netcdf(folder / "b.nc")

    def twice(folder: Path) -> None:
        yearly(folder, [2001])
        one_year(2001, "noleap").to_netcdf(folder / "b.nc")

    def grids(folder: Path) -> None:
        yearly(folder, [2001])
        one_year(2002, "noleap").isel(lat=slice(2)).to_netcdf(folder / "b.nc")

    def some(folder: Path) -> None:
        yearly(folder, [2001])
        one_year(2002, "noleap")[["t"]].to_netcdf(folder / "b.nc")

    return [
        (mixed, r"share a calendar, got 'noleap' in .*t_2001.nc and '360_day' in .*t_2002.nc; convert them one by one"),
        (unknown, r"a calendar is one of .*got 'no_leap' in .*did you mean 'noleap'.*correct the attribute 'calendar'"),
        (units, r"share their units, got 'K' for t in .*t_2001.nc and 'degC' in .*t_2002.nc; convert one of them"),
        (overlapping, r"do not overlap, got time up to 19.5 in .*t_2001.nc and from 10.5 in .*b.nc .*leave one out"),
        (twice, r"do not overlap, got the same time in .*b.nc and .*t_2001.nc; leave one out.*join='sample'"),
        (grids, r"or fill a grid of two, got files that differ along \['lat', 'time'\].*convert them in groups"),
        (some, r"the same variables, or have none in common, got .*b.nc.*name the variables"),
    ]


@pytest.mark.parametrize(("make", "message"), refusals(), ids=lambda case: getattr(case, "__name__", ""))
def test_files_that_do_not_fit_together_are_refused(tmp_path, make, message):
    (tmp_path / "f").mkdir()
    make(tmp_path / "f")
    with pytest.raises(DataError, match=message):
        open_source(tmp_path / "f")


@pytest.mark.parametrize("kind", ["NETCDF4", "NETCDF3_64BIT"])
def test_a_truncated_file_is_named(tmp_path, kind):
    paths = yearly(tmp_path / "years", [2001])
    whole = tmp_path / "years" / "t_2002.nc"
    one_year(2002, "noleap").drop_encoding().to_netcdf(whole, format=kind)
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size - 900])
    with pytest.raises(DataError, match=r"complete NetCDF.*got .*t_2002.nc, which cannot be read.*download it again"):
        open_source([*paths, whole]).data.t.load()


def test_what_is_not_there(tmp_path):
    runs(tmp_path / "runs", count=1)
    with pytest.raises(FileNotFoundError, match=r"run_9.nc, which is not there; did you mean 'run_0.nc'"):
        open_source(tmp_path / "runs" / "run_9.nc")
    with pytest.raises(FileNotFoundError, match=r"a pattern matches files, got .*\*.grib, in which there is none"):
        open_source(str(tmp_path / "*.grib"))
    xr.Dataset({"u": ("x", np.ones(3))}).to_zarr(tmp_path / "a.zarr", consolidated=False)
    with pytest.raises(DataError, match=r"a source by itself, got .*a\.zarr among other files; name it alone"):
        open_source([tmp_path / "a.zarr", tmp_path / "runs" / "run_0.nc"])
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(FileNotFoundError, match=r"a folder holds files that end in one of .nc.*name the files"):
        open_source(tmp_path)
    with pytest.raises(DataError, match=r"source files end in one of .*got .*notes.txt; rename it, or convert it"):
        open_source(tmp_path / "notes.txt")


def test_real_calendars(shared):
    folder = shared / "data" / "weather" / "cmip6_ta_calendars"
    for name, calendar in {"EC-Earth3": "proleptic_gregorian", "IITM-ESM": "julian", "MIROC6": "gregorian"}.items():
        data = open_source(str(folder / f"ta_Amon_{name}*.nc")).data
        assert data.time.attrs["calendar"] == calendar
        assert (np.diff(data.time) > 27).all()
    with pytest.raises(DataError, match=r"share a calendar, got 'noleap'"):
        open_source(str(folder / "ta_Amon_*.nc"))
