"""The same scores of labelled fields, in memory and with dask."""

import numpy as np
import pytest
import torch
import xarray as xr

from humboldt.data_catalog import DataError
from humboldt.domains.weather import Grid, metrics, open_analyses, spectra, verification
from tests.domains.weather.analyses_on_disk import analyses

TARGET = open_analyses(analyses())["t"].astype(float)
FORECAST = open_analyses(analyses(seed=1))["t"].astype(float)
MEMBERS = xr.concat([open_analyses(analyses(seed=k))["t"].astype(float) for k in range(2, 6)], dim="number")
SCORES = {
    "mse": lambda f, t, e: verification.mse(f, t),
    "mae": lambda f, t, e: verification.mae(f, t, weights="cosine"),
    "rmse": lambda f, t, e: verification.rmse(f, t),
    "bias": lambda f, t, e: verification.bias(f, t),
    "acc": lambda f, t, e: verification.acc(f, t, t.mean("time")),
    "crps": lambda f, t, e: verification.crps(e, t),
    "brier": lambda f, t, e: verification.brier(e, t, 270.0),
    "energy_score": lambda f, t, e: verification.energy_score(e, t),
    "spread_skill": lambda f, t, e: verification.spread_skill(e, t).to_array(),
    "fss": lambda f, t, e: verification.fss(f, t, 270.0, 3),
    "wind_vector_rmse": lambda f, t, e: verification.wind_vector_rmse((f, t), (t, f + 1)),
    "quantile_score": lambda f, t, e: verification.quantile_score(f, t, 0.9),
    "rank_histogram": lambda f, t, e: verification.rank_histogram(e, t),
    "zonal_spectrum": lambda f, t, e: verification.zonal_spectrum(f),
    "spherical_spectrum": lambda f, t, e: verification.spherical_spectrum(f),
    "negative_share": lambda f, t, e: verification.negative_share(f - 270),
    "drift": lambda f, t, e: verification.drift(f, along="time"),
}


@pytest.mark.parametrize("name", SCORES)
def test_dask_and_memory_agree(name):
    chunks = {"time": 3, "latitude": 2}
    in_memory = SCORES[name](FORECAST, TARGET, MEMBERS)
    lazy = SCORES[name](FORECAST.chunk(chunks), TARGET.chunk(chunks), MEMBERS.chunk({**chunks, "number": 1}))
    assert lazy.chunks is not None
    xr.testing.assert_allclose(lazy.compute(), in_memory, rtol=1e-12)
    assert set(in_memory.dims) <= {"time", "level", "variable", "rank", "wavenumber"}


def test_tensors_and_labels_agree():
    rows = verification.rows_of(TARGET)
    f, t, e = (torch.from_numpy(x.values.astype(float)) for x in (FORECAST, TARGET, MEMBERS.transpose("number", ...)))
    np.testing.assert_allclose(verification.mse(FORECAST, TARGET), metrics.squared_error(f, t, rows))
    wanted = metrics.root_mean_square(metrics.squared_error(f, t, rows))
    np.testing.assert_allclose(verification.rmse(FORECAST, TARGET), wanted)
    np.testing.assert_allclose(verification.crps(MEMBERS, TARGET), metrics.area_mean(metrics.crps(e, t), rows))
    np.testing.assert_allclose(verification.energy_score(MEMBERS, TARGET), metrics.energy_score(e, t, rows))
    np.testing.assert_allclose(
        verification.quantile_score(FORECAST, TARGET, 0.9), metrics.area_mean(metrics.quantile_loss(f, t, 0.9), rows)
    )
    counts = verification.rank_histogram(MEMBERS, TARGET)
    np.testing.assert_array_equal(counts.sum(["time", "level"]), metrics.rank_histogram(e, t))
    assert counts["rank"].values.tolist() == [0, 1, 2, 3, 4]
    winds = verification.wind_vector_rmse((FORECAST, MEMBERS[0]), (TARGET, MEMBERS[1]))
    squares = metrics.wind_vector_error(torch.stack([f, e[0]], -3), torch.stack([t, e[1]], -3), rows)
    np.testing.assert_allclose(winds, metrics.root_mean_square(squares))
    np.testing.assert_allclose(verification.zonal_spectrum(TARGET), spectra.zonal_spectrum(t, rows))
    grid = Grid(*(tuple(TARGET[name].values.tolist()) for name in ("latitude", "longitude")))
    np.testing.assert_allclose(verification.spherical_spectrum(TARGET), spectra.spherical_spectrum(t, grid))
    np.testing.assert_allclose(verification.drift(TARGET, "time"), metrics.drift(t, rows))
    np.testing.assert_allclose(verification.negative_share(TARGET - 270), metrics.negative_share(t - 270, rows))


def test_what_is_missing_is_left_out_alike():
    torn = TARGET.copy()
    torn[0, :, 1], torn[2, 0, 3, 4] = np.nan, np.nan
    holes = MEMBERS.copy()
    holes[1, 3, 0, 2, 2] = np.nan
    rows, t = verification.rows_of(TARGET), torch.from_numpy(torn.values)
    e = torch.from_numpy(holes.transpose("number", ...).values)
    np.testing.assert_allclose(verification.energy_score(holes, torn), metrics.energy_score(e, t, rows))
    variance, squares = metrics.spread_and_error(e, t, rows)
    found = verification.spread_skill(holes, torn)
    np.testing.assert_allclose(found["spread"], metrics.root_mean_square(variance))
    np.testing.assert_allclose(found["error"], metrics.root_mean_square(squares))
    np.testing.assert_allclose(found["ratio"], metrics.spread_skill_ratio(variance, squares, 4))
    np.testing.assert_allclose(verification.crps(holes, torn), metrics.area_mean(metrics.crps(e, t), rows))
    np.testing.assert_allclose(verification.fss(FORECAST, torn, 270.0, 2), metrics.fractions_skill(
        torch.from_numpy(FORECAST.values), t, 270.0, 2))  # fmt: skip
    half = verification.wind_vector_rmse((FORECAST, FORECAST), (TARGET, torn))  # a vector with one part is none
    np.testing.assert_allclose(half, 2**0.5 * verification.rmse(FORECAST, torn))


def test_a_region_the_land_and_skill_over_a_reference():
    region = {"latitude": slice(0, 50), "longitude": slice(40, 200)}
    land = xr.DataArray(np.random.default_rng(1).random((5, 8)) < 0.5, dims=("latitude", "longitude"))
    there = verification.rmse(FORECAST.sel(region), TARGET.sel(region).where(land.values[2:4, 1:5]))
    rows = verification.rows_of(TARGET.sel(region)).numpy()[:, None] * land.values[2:4, 1:5]
    errors = (FORECAST - TARGET).sel(region).values ** 2
    wanted = np.sqrt(((errors * rows).sum((-2, -1)) / rows.sum()).mean(0))
    np.testing.assert_allclose(there, wanted)
    skill = verification.skill(there, 2 * there)
    np.testing.assert_allclose(skill, 0.5)


def test_the_resolution_of_labelled_spectra():
    power = xr.DataArray([[4.0, 4, 3, 2, 1, 1]] * 2, dims=("time", "wavenumber"))
    kept = power * xr.DataArray([1, 1, 0.9, 0.6, 0.3, 0.9], dims="wavenumber")
    for one, other in ((kept, power), (kept.chunk(time=1), power.chunk(time=1))):
        assert verification.effective_resolution(one, other).values.tolist() == [3, 3]


def test_refusals():
    with pytest.raises(DataError, match=r"weighed by 'area' or 'cosine', got 'none'"):
        verification.mse(FORECAST, TARGET, weights="none")
    with pytest.raises(DataError, match=r"taken over \('latitude', 'longitude'\), got dimensions"):
        verification.mse(FORECAST, TARGET.rename(latitude="lat"))
    with pytest.raises(DataError, match=r"share their coordinates"):
        verification.mse(FORECAST, TARGET.isel(time=slice(0, 4)))
    with pytest.raises(
        DataError, match=r"a mean is taken over a dimension .*, \['level'\], got over='time'; name one of them, or None"
    ):
        verification.rmse(FORECAST.isel(time=0), TARGET.isel(time=0))
    with pytest.raises(DataError, match=r"needs the dimension 'number', got \['time', 'level', 'lat.*rename"):
        verification.crps(FORECAST, TARGET)
    with pytest.raises(ValueError, match=r"^a fair score needs at least two members, got 1; use fair=False"):
        verification.crps(MEMBERS.isel(number=[0]), TARGET)
    with pytest.raises(DataError, match=r"a spread is that of two members or more .*, got 1; take more"):
        verification.spread_skill(MEMBERS.isel(number=[0]), TARGET)
    with pytest.raises(DataError, match=r"whole circles, got longitudes 0 to 90; take the globe, or draw"):
        verification.zonal_spectrum(TARGET.isel(longitude=slice(0, 3)))
    with pytest.raises(ValueError, match=r"a quantile lies between 0 and 1, got 90"):
        verification.quantile_score(FORECAST, TARGET, 90.0)
