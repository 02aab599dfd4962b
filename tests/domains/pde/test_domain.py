"""Models as wholes: grids, scales and inputs with which the published code fails."""

import pytest
import torch

from humboldt.domains.pde import Channel, FieldBatch, PDEConfig, build, scot_core


def operator(depths=(2, 2), grid=8, **choices):
    count = len(depths)
    core = scot_core(width=8, depths=depths, heads=(2,) * count, window=4, grid=grid, skips=(1,) * count)
    channels = (Channel(name="u"), Channel(name="v"))
    model = build(PDEConfig(inputs=channels, outputs=channels, core=core, patch=2, **choices)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


@pytest.mark.parametrize("space", [(16, 16), (16, 40), (64, 32), (15, 21), (3, 5)])
def test_any_grid_with_finite_gradients(space):
    model = operator()
    batch = FieldBatch(fields=torch.randn(1, 2, *space), lead_time=torch.ones(1), target=torch.randn(1, 2, *space))
    assert model(batch).fields.shape == (1, 2, *space)
    model.loss(batch).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_more_than_four_stages():
    model = operator(depths=(1,) * 6, grid=32)
    batch = FieldBatch(fields=torch.randn(1, 2, 64, 64), lead_time=torch.ones(1))
    assert model(batch).fields.isfinite().all()


def test_a_large_mean_with_a_small_deviation_stays_finite():
    fields = 100 + 0.01 * torch.randn(2, 2, 16, 16)
    prediction = operator()(FieldBatch(fields=fields, lead_time=torch.tensor([0.0, 1.0]))).fields
    assert prediction.isfinite().all()


def test_lead_time_zero_and_one_differ():
    model, fields = operator(), torch.randn(1, 2, 16, 16)
    now, later = (model(FieldBatch(fields=fields, lead_time=torch.tensor([t]))).fields for t in (0.0, 1.0))
    assert now.isfinite().all()
    assert not torch.allclose(now, later)


def test_moving_a_periodic_field_moves_the_forecast():
    model = operator(increment=True, grid=16).double()
    fields = torch.randn(1, 2, 32, 32, dtype=torch.float64)
    time = torch.ones(1, dtype=torch.float64)
    period = 2 * 4 * 2  # patch, window, and one merge

    def forecast(state):
        return model(FieldBatch(fields=state, lead_time=time, periodic=(True, True))).fields

    moved = forecast(fields.roll((period, -period), (2, 3)))
    torch.testing.assert_close(moved, forecast(fields).roll((period, -period), (2, 3)), rtol=1e-9, atol=1e-9)
    other = forecast(fields.roll(1, 3))
    assert not torch.allclose(other, forecast(fields).roll(1, 3))
