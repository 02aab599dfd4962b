"""Encodings against their formulas."""

import math

import pytest
import torch

from humboldt.foundations import fourier_features, sinusoid, wavelengths


def test_features_are_sines_cosines_and_the_number():
    features = fourier_features(torch.tensor([0.25]), torch.tensor([1.0, 2.0]))
    expected = [math.sin(math.pi / 4), 1.0, math.cos(math.pi / 4), 0.0, 0.25]
    torch.testing.assert_close(features, torch.tensor([expected]), rtol=0, atol=1e-6)


def test_a_sinusoid_runs_from_one_to_a_ten_thousandth():
    told = sinusoid(torch.tensor([3.0]), 6)[0]
    angles = torch.tensor([3.0, 3e-2, 3e-4])
    torch.testing.assert_close(told, torch.cat([angles.sin(), angles.cos()]), rtol=1e-5, atol=1e-7)


def test_wavelengths_are_even_in_their_logarithm_and_exact_for_large_phases():
    told = wavelengths(torch.tensor([1e4]), 0.1, 10.0, 6)[0]
    angles = 2 * torch.pi * torch.tensor([1e5, 1e4, 1e3], dtype=torch.float64)
    torch.testing.assert_close(told, torch.cat([angles.sin(), angles.cos()]).float(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("width", [5, 2])
def test_sines_and_cosines_come_in_pairs(width):
    with pytest.raises(ValueError, match=f"even and at least 4, got {width}"):
        sinusoid(torch.zeros(1), width)


def test_wavelengths_rise():
    with pytest.raises(ValueError, match=r"rise from shortest to longest, got 2\.0 to 1\.0"):
        wavelengths(torch.zeros(1), 2.0, 1.0, 4)
