"""The batch checks itself and finds its channels by name."""

import dataclasses

import numpy as np
import pytest
import torch

from humboldt.data_catalog import DataError
from humboldt.domains.weather import regular
from tests.domains.weather.models import batch


def test_channels_are_found_by_variable_level_and_full_name():
    given = batch()
    assert torch.equal(given.sel("T2M"), given.fields[:, :, 0])
    assert torch.equal(given.sel("T", level=500), given.fields[:, :, 2])
    assert torch.equal(given.sel("T_850"), given.fields[:, :, 1])
    with pytest.raises(DataError, match=r"'T' is there on the levels \[850.0, 500.0\], got level=None"):
        given.sel("T")
    with pytest.raises(DataError, match=r"no channel 'T2m'; did you mean 'T2M'"):
        given.sel("T2m")


def test_a_batch_checks_names_grid_and_times():
    given = batch()
    with pytest.raises(DataError, match=r"one channel for each of 3 it holds, got 2"):
        dataclasses.replace(given, channels=given.channels[:2])
    with pytest.raises(DataError, match=r"rows and columns \(8, 16\), got \(8, 8\)"):
        dataclasses.replace(given, grid=regular(8, 8))
    with pytest.raises(DataError, match=r"time between the states of a batch is positive, got \[6.0, -6.0\]"):
        dataclasses.replace(given, input_time=torch.tensor([6.0, -6.0]))


def test_a_step_makes_the_prediction_the_newest_state():
    given, made = dataclasses.replace(batch(), lead_time=torch.tensor([12.0, 3.0])), torch.randn(2, 3, 8, 16)
    after = given.step(made, time=(np.datetime64("2020-02-29T00"),) * 2)
    assert torch.equal(after.fields, torch.stack([given.fields[:, 1], made], dim=1))
    assert after.target is None
    assert after.input_time.tolist() == [12.0, 3.0]  # so far the prediction is from the state before it
    assert given.samples(slice(0, 1)).step(made[:1]).input_time.tolist() == [12.0]
    assert after.time[0] == np.datetime64("2020-02-29T00")
    assert given.fields.shape == (2, 2, 3, 8, 16)


def test_samples_and_types():
    part = batch().samples(slice(1, 2)).to("cpu", torch.float64)
    assert len(part) == len(part.time) == 1
    assert part.fields.dtype == part.lead_time.dtype == torch.float64
