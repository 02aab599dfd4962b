"""Smooth values where nothing is known."""

import numpy as np
import torch
import xarray as xr

import humboldt
from humboldt.data_catalog import example
from humboldt.domains.weather import fill_gaps
from humboldt.domains.weather.inpainting import inpainted

NONE = torch.tensor([7.0, 9.0]).view(2, 1, 1)


def test_what_is_known_stays_and_a_slope_goes_on_across_a_hole():
    slope = torch.linspace(0, 1, 36).expand(1, 2, 33, 36).clone()
    torn = slope.clone()
    torn[..., 10:18, 10:17] = torch.nan
    made = inpainted(torn, NONE)
    known = torn.isfinite()
    assert torch.equal(made[known], slope[known])
    assert (made - slope).abs().max() < 0.06  # the mean of the field is off by up to 0.25 there
    assert inpainted(slope, NONE) is slope


def test_a_channel_of_which_nothing_is_known_takes_what_it_is_given():
    x = torch.ones(1, 2, 5, 3)
    x[:, 1] = torch.nan
    torch.testing.assert_close(inpainted(x, NONE)[0, 1], torch.full((5, 3), 9.0))


def test_one_known_point_is_enough():
    x = torch.full((1, 2, 6, 7), torch.nan)
    x[..., 2, 3] = 4.0
    torch.testing.assert_close(inpainted(x, NONE), torch.full_like(x, 4.0))


def test_a_network_that_has_learned_nothing_yet_fills_gaps_with_smooth_values():
    path = example("storm1996_usa")
    still = {"core_rate": 0.0, "embedding_rate": 0.0, "norm_rate": 0.0, "progress": False}
    tuned = humboldt.finetune("humboldt/weather-nano", path, task="reconstruction", steps=1, batch_size=1, **still)
    whole = xr.open_dataset(path).isel(time=slice(-3, None)).load()
    torn = whole.where((abs(whole["lat"] - 38) > 5) | (abs(whole["lon"] + 95) > 8))
    made = fill_gaps(tuned, torn)
    for name in ("mslp", "t", "u500"):
        states = torch.from_numpy(torn[name].values[:2])
        wanted = inpainted(states[:, None], torch.zeros(1, 1, 1))[:, 0]
        np.testing.assert_allclose(made[name].values, wanted, rtol=1e-5, atol=1e-3)
        np.testing.assert_array_equal(made[name].values[states.isfinite()], states[states.isfinite()])


def test_a_wave_that_is_known_at_few_points_is_found_between_them():
    """Of 5 % of the points; a scheme in which a lone point counts for a quarter of its cell is off by 0.6."""
    row, column = torch.meshgrid(torch.arange(48.0), torch.arange(96.0), indexing="ij")
    wave = torch.sin(2 * torch.pi * column / 96) * torch.cos(torch.pi * row / 48) + 10
    stations = torch.rand(48, 96, generator=torch.Generator().manual_seed(0)) < 0.05
    made = inpainted(torch.where(stations, wave, torch.nan)[None, None], NONE[:1], closed=True)[0, 0]
    assert torch.equal(made[stations], wave[stations])
    assert (made - wave).square().mean().sqrt() < 0.12  # the wave itself has 0.5


def test_a_gap_over_the_seam_of_a_closed_circle_is_filled_from_both_sides():
    x = torch.full((1, 1, 6, 12), torch.nan)
    x[..., 4:8] = torch.tensor([0.0, 1.0, 2.0, 3.0])
    closed, cut = inpainted(x, NONE[:1], closed=True)[0, 0, 3], inpainted(x, NONE[:1])[0, 0, 3]
    assert (closed[8:].diff() < 0).all()  # from 3 on the way to 0, around the circle
    assert closed[11] < 2
    assert cut[11] > 2.5
