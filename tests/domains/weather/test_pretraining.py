"""Views of simulations: what is drawn, what is hidden, and that the objective can be learned."""

import numpy as np
import torch

from humboldt.domains.weather import fresh_weather_nano, weather_nano
from humboldt.domains.weather.pretraining import LEADS, STEPS, Views, drawn_view, interpolated
from humboldt.domains.weather.regrid import weights
from humboldt.domains.weather.simulation import gaussian_grid


def views(length=64):
    """States that rise by 1 an hour, in every channel, by latitude and run."""
    grid = gaussian_grid(32)
    hours = 3.0 * np.arange(60)[None, :, None, None, None]
    run, channel = 1000 * np.arange(2)[:, None, None, None, None], 0.01 * np.arange(16)[None, None, :, None, None]
    place = 0.1 * np.asarray(grid.latitude)[:, None] * np.ones(64)
    return Views((hours + run + channel + place).astype(np.float32), grid, length, 0)


def test_targets_are_as_far_ahead_as_the_lead_time_says():
    made, leads, steps, grids = views(), set(), set(), set()
    for first in range(0, 64, 2):
        batch = made.batch([first, first + 1])
        grids.add(batch.grid.shape)
        ahead = (batch.target - batch.fields[:, 1])[0]
        if (batch.lead_time > 0).all():
            known = ahead[~ahead.isnan()]
            torch.testing.assert_close(known, batch.lead_time[0].expand_as(known), atol=1e-2, rtol=0)
        else:
            known = (batch.target - batch.fields[:, 0])[~batch.fields[:, 0].isnan()]
            assert known.abs().max() < 1e-6
            assert batch.mask is not None
        between = (batch.fields[0, 1] - batch.fields[0, 0]).nanmean()
        torch.testing.assert_close(between, batch.input_time[0], atol=1e-2, rtol=0)
        leads |= set(batch.lead_time.tolist())
        steps |= set(batch.input_time.tolist())
    assert leads >= {0, 3, 24, 120}
    assert leads <= {0, *LEADS}
    assert steps == set(STEPS)
    assert grids == {(32, 64), (32, 32)}


def test_missing_channels_are_missing_in_states_and_target_and_some_batches_have_all():
    made, counts = views(), set()
    for first in range(20):
        batch = made.batch([first])
        gone = batch.target.isnan().all((2, 3))[0]
        assert bool(batch.fields[0, :, gone].isnan().all())
        assert not batch.target[0, ~gone].isnan().any()
        counts.add(int(gone.sum()))
    assert 0 in counts
    assert max(counts) > 4


def test_a_view_is_the_same_field_on_other_points():
    random, grid = np.random.default_rng(1), gaussian_grid(48)
    field = np.cos(np.deg2rad(grid.latitude))[:, None] * np.cos(np.deg2rad(grid.longitude))
    for _ in range(8):
        view = drawn_view(random)
        rows, columns = (m.toarray() for m in weights(grid, view, "bilinear"))
        wanted = np.cos(np.deg2rad(view.latitude))[:, None] * np.cos(np.deg2rad(view.longitude))
        np.testing.assert_allclose(interpolated(field, rows, columns), wanted, atol=6e-3)
        assert np.abs(view.latitude).max() < 90


def test_samples_are_decided_by_seed_and_indices():
    one, again, other = (v.batch([1, 2]) for v in (views(), views(), Views(**{**vars(views()), "seed": 5})))
    assert torch.equal(one.target.nan_to_num(), again.target.nan_to_num())
    assert one.grid == again.grid
    assert one.target.shape != other.target.shape or not torch.equal(one.target, other.target)


def test_the_network_is_small_and_knows_its_channels():
    model = fresh_weather_nano(views(), 0)
    assert sum(p.numel() for p in model.parameters()) <= 5_000_000
    assert [c.name for c in weather_nano().channels][:5] == ["msl", "t2m", "u10", "v10", "z_250"]
    assert float(model.head.normaliser.std[0]) == 120  # rise in five days
    loss = model.loss(views().batch([0, 1, 2]))
    assert torch.isfinite(loss)
