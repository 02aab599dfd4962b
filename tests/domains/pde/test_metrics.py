"""Relative errors by hand, spectra against Parseval and single waves, persistence."""

import math

import pytest
import torch

from humboldt.domains.pde import (
    Channel,
    FieldBatch,
    FieldPrediction,
    RelativeError,
    energy_spectrum,
    persistence,
    relative_errors,
    spectral_errors,
)


def test_relative_errors_are_sums_per_sample_and_group():
    target = torch.tensor([[[[1.0, -2.0]], [[3.0, 0.0]]], [[[2.0, 2.0]], [[0.0, 4.0]]]])
    prediction = target + torch.tensor([[[[0.5, 0.5]], [[1.0, 0.0]]], [[[0.0, 1.0]], [[2.0, 0.0]]]])
    apart = relative_errors(prediction, target, [[0], [1]])
    together = relative_errors(prediction, target, [[0, 1]])
    assert torch.allclose(apart, torch.tensor([[1 / 3, 1 / 3], [1 / 4, 2 / 4]]))
    assert torch.allclose(together, torch.tensor([[2 / 6], [3 / 8]]))
    squared = relative_errors(prediction, target, [[0, 1]], order=2)
    assert squared[0, 0].item() == pytest.approx(math.sqrt(1.5 / 14))


def test_a_vanishing_target_counts_as_1e_10():
    error = relative_errors(torch.full((1, 1, 2, 2), 1e-10), torch.zeros(1, 1, 2, 2), [[0]])
    assert error.item() == pytest.approx(4.0)


def test_known_and_missing_places_do_not_count():
    target = torch.ones(1, 2, 2, 2)
    prediction = torch.full_like(target, 2.0)
    prediction[0, 0, 0] = 100.0
    known = torch.zeros(1, 2, 2, 2, dtype=torch.bool)
    known[0, 0, 0] = True
    assert relative_errors(prediction, target, [[0]], known=known).item() == pytest.approx(1.0)
    missing = target.clone()
    missing[0, 0, 0] = torch.nan
    assert relative_errors(prediction, missing, [[0]]).item() == pytest.approx(1.0)
    known[0, 1] = True
    errors = relative_errors(prediction, target, [[0], [1], [0, 1]], known=known)
    assert errors[0, 1].isnan()
    assert errors[0, 2].item() == pytest.approx(1.0)


def test_a_prediction_that_is_not_finite_has_an_infinite_error():
    target = torch.ones(1, 1, 2, 2)
    prediction = target.clone()
    prediction[0, 0, 0, 0] = torch.nan
    assert relative_errors(prediction, target, [[0]]).item() == math.inf


def test_spectrum_of_waves_lies_in_their_shell():
    x = torch.arange(32) / 32
    wave = 3 * torch.sin(2 * math.pi * 3 * x)[:, None] * torch.ones(16) + torch.cos(2 * math.pi * 5 * x)[:, None]
    spectrum = energy_spectrum(wave[None, None], [[0]])[0, 0]
    assert len(spectrum) == 17
    assert spectrum[3].item() == pytest.approx(9 / 4, rel=1e-5)
    assert spectrum[5].item() == pytest.approx(1 / 4, rel=1e-5)
    assert spectrum.sum().item() == pytest.approx(10 / 4, rel=1e-5)


def test_a_slanting_wave_lies_in_the_nearest_shell():
    """Two periods along each axis are 2.83 across: shell 3 goes from 2.5 to 3.5."""
    x = torch.arange(16) / 16
    wave = torch.cos(4 * math.pi * (x[:, None] + x))
    spectrum = energy_spectrum(wave[None, None], [[0]])[0, 0]
    assert spectrum[3].item() == pytest.approx(1 / 4, rel=1e-5)
    assert spectrum.sum().item() == pytest.approx(1 / 4, rel=1e-5)


def test_spectrum_sums_to_half_the_mean_square():
    coarse = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    smooth = torch.fft.irfft2(torch.fft.rfft2(coarse, norm="forward")[..., :3, :3], s=(24, 24), norm="forward")
    spectrum = energy_spectrum(smooth, [[0, 1], [2]])
    energy = 0.5 * smooth.square().mean((-2, -1))
    assert torch.allclose(spectrum.sum(-1), torch.stack([energy[:, 0] + energy[:, 1], energy[:, 2]], 1))


def test_spectral_error_is_in_decades_and_ignores_round_off():
    target = torch.tensor([[[1.0, 1e-2, 1e-3, 1e-16]]])
    assert spectral_errors(target, target).item() == 0
    assert spectral_errors(torch.tensor([[[1.0, 1e-1, 1e-3, 1e-13]]]), target).item() == pytest.approx(1 / 3, rel=1e-4)


def test_persistence_finds_channels_by_name():
    a, b, c = (Channel(name=n) for n in "abc")
    batch = FieldBatch(torch.arange(8.0).view(1, 2, 2, 2), torch.ones(1))
    kept = persistence(batch, (a, b), (b, a, c)).fields
    assert torch.equal(kept[:, :2], batch.fields[:, [1, 0]])
    assert kept[:, 2].isnan().all()


def test_a_metric_needs_a_target():
    batch = FieldBatch(torch.ones(1, 2, 4, 4), torch.ones(1), target=torch.ones(1, 2, 4, 4))
    errors = RelativeError({"both": (0, 1)})(FieldPrediction(1.5 * torch.ones(1, 2, 4, 4)), batch)
    assert errors.tolist() == [[0.5]]
    with pytest.raises(ValueError, match="open the data with targets"):
        RelativeError()(FieldPrediction(torch.ones(1, 2, 4, 4)), batch.at(batch.fields, batch.lead_time))
