"""Batches and forecasts as labelled objects, through files and back."""

import dataclasses

import cftime
import numpy as np
import pytest
import torch
import xarray as xr

from humboldt.data_catalog import DataError
from humboldt.domains.weather import batch_from_xarray, batch_to_xarray, forecast_to_xarray, random_mask
from tests.domains.weather.models import batch, model


def same(one, other):
    for field in dataclasses.fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, torch.Tensor):
            assert a.dtype == b.dtype
            torch.testing.assert_close(a, b, rtol=0, atol=0, equal_nan=True)
        elif field.name == "mask" and a is not None:
            assert torch.equal(a.hidden, b.hidden)
            assert torch.equal(a.seen, b.seen)
        else:
            assert a == b, field.name


@pytest.mark.parametrize("kind", [None, "units", "slots"])
def test_a_batch_survives_a_file_bit_for_bit(tmp_path, kind):
    given = batch()
    given.fields[0, 0, 0, 0, 0] = torch.nan
    if kind:
        given = given.masked(random_mask(kind, 0.5, 2, model().config.units((8, 16)), shuffled=True))
    same(given, batch_from_xarray(batch_to_xarray(given)))
    batch_to_xarray(given).to_netcdf(tmp_path / "batch.nc")
    with xr.open_dataset(tmp_path / "batch.nc") as data:
        same(given, batch_from_xarray(data.load()))


def test_any_calendar_is_kept():
    times = (cftime.Datetime360Day(2000, 2, 30),) * 2
    given = dataclasses.replace(batch(), time=times)
    assert batch_from_xarray(batch_to_xarray(given)).time == times


def test_a_forecast_follows_the_conventions():
    given = batch()
    prediction = model()(given)
    made = forecast_to_xarray(prediction, given.time, {"source": "a test"})
    assert made["T"].dims == ("lead_time", "init_time", "level", "latitude", "longitude")
    assert made["level"].values.tolist() == [850, 500]
    assert made["T"].attrs["units"] == "K"
    assert made["valid_time"].values[0, 0] == np.datetime64("2020-02-29T00")
    assert made["lead_time"].item() == 6
    np.testing.assert_array_equal(made["T2M"].values[0, 1], prediction.sel("T2M")[1].detach().numpy())


def test_refusals():
    with pytest.raises(DataError, match=r"labelled by its channels and its grid"):
        batch_to_xarray(dataclasses.replace(batch(), grid=None))
    with pytest.raises(DataError, match=r"what batch_to_xarray wrote"):
        batch_from_xarray(xr.Dataset())
    apart = (np.datetime64("2020-02-28T18"), np.datetime64("2020-02-28T12"))
    with pytest.raises(DataError, match=r"share their lead time, got \[6.0, 12.0\] hours"):
        forecast_to_xarray(model()(batch()), apart, {})
