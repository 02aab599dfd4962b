"""The same scores of labelled fields, in memory and with dask."""

import numpy as np
import pytest
import torch
import xarray as xr

from humboldt.data_catalog import DataError
from humboldt.domains.weather import metrics, open_analyses, verification
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
}


@pytest.mark.parametrize("name", SCORES)
def test_dask_and_memory_agree(name):
    chunks = {"time": 3, "latitude": 2}
    in_memory = SCORES[name](FORECAST, TARGET, MEMBERS)
    lazy = SCORES[name](FORECAST.chunk(chunks), TARGET.chunk(chunks), MEMBERS.chunk({**chunks, "number": 1}))
    assert lazy.chunks is not None
    xr.testing.assert_allclose(lazy.compute(), in_memory, rtol=1e-12)
    assert set(in_memory.dims) <= {"time", "level", "variable"}


def test_tensors_and_labels_agree():
    rows = verification.rows_of(TARGET)
    f, t, e = (torch.from_numpy(x.values.astype(float)) for x in (FORECAST, TARGET, MEMBERS.transpose("number", ...)))
    np.testing.assert_allclose(verification.mse(FORECAST, TARGET), metrics.squared_error(f, t, rows))
    wanted = metrics.root_mean_square(metrics.squared_error(f, t, rows))
    np.testing.assert_allclose(verification.rmse(FORECAST, TARGET), wanted)
    np.testing.assert_allclose(verification.crps(MEMBERS, TARGET), metrics.area_mean(metrics.crps(e, t), rows))
    np.testing.assert_allclose(verification.energy_score(MEMBERS, TARGET), metrics.energy_score(e, t, rows))


def test_refusals():
    with pytest.raises(DataError, match=r"weighed by 'area' or 'cosine', got 'none'"):
        verification.mse(FORECAST, TARGET, weights="none")
    with pytest.raises(DataError, match=r"taken over \('latitude', 'longitude'\), got dimensions"):
        verification.mse(FORECAST, TARGET.rename(latitude="lat"))
    with pytest.raises(DataError, match=r"share their coordinates"):
        verification.mse(FORECAST, TARGET.isel(time=slice(0, 4)))
