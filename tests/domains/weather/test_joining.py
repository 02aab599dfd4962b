"""Many files become one, or are refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from humboldt.data_catalog import DataError
from humboldt.domains.weather import open_analyses
from tests.domains.weather.analyses_on_disk import analyses

PLACE = ("latitude", "longitude")


def thirds() -> xr.Dataset:
    """Analyses on latitudes and longitudes that no floating number of single precision holds."""
    return analyses(rows=7, columns=9).assign_coords(latitude=("latitude", np.linspace(-50, 50, 7)))


def halves(folder: Path, data: xr.Dataset, change: Callable[[xr.Dataset], xr.Dataset]) -> list[Path]:
    """Two files, the later one changed."""
    early, late = data.isel(time=slice(0, 4)), change(data.isel(time=slice(4, 8)))
    early.to_netcdf(folder / "early.nc")
    late.to_netcdf(folder / "late.nc")
    return [folder / "late.nc", folder / "early.nc"]


def single(data: xr.Dataset) -> xr.Dataset:
    """Places in single precision, which are no thirds of the same size."""
    return data.assign_coords({n: (n, data[n].values.astype(np.float32), data[n].attrs) for n in PLACE})


def test_files_whose_places_were_written_in_another_precision_are_joined(tmp_path):
    plain = thirds()
    found = open_analyses(halves(tmp_path, plain, single))
    np.testing.assert_array_equal(found["t"].values, plain["t"].values)
    np.testing.assert_array_equal(found["latitude"].values, plain["latitude"].values)
    beside = open_analyses([plain[["t"]], single(plain[["msl"]])])
    np.testing.assert_array_equal(beside["msl"].values, plain["msl"].values)


def test_files_of_other_places_are_refused(tmp_path):
    moved = halves(tmp_path, thirds(), lambda d: d.assign_coords(latitude=d["latitude"] * 0.99))
    with pytest.raises(DataError, match=r"joined in time share their grid and levels, but: .*latitude.*interpolate"):
        open_analyses(moved)
    with pytest.raises(DataError, match=r"different variables share their grid, levels and times, but: .*latitude"):
        open_analyses([thirds()[["t"]], thirds()[["msl"]].isel(latitude=slice(0, 3))])


def test_files_in_other_units_are_refused_and_in_other_spellings_joined(tmp_path):
    def celsius(data: xr.Dataset) -> xr.Dataset:
        return data.assign(t=(data["t"] - 273.15).assign_attrs(units="degC"))

    rule = r"each variable in one unit, got 't' in 'K' and in 'degC'; convert the values of one of them"
    with pytest.raises(DataError, match=rule):
        open_analyses(halves(tmp_path, thirds(), celsius))
    plain = thirds()
    spelled = halves(tmp_path, plain, lambda d: d.assign(t=d["t"].assign_attrs(units="Kelvin")))
    np.testing.assert_array_equal(open_analyses(spelled)["t"].values, plain["t"].values)
