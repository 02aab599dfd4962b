"""Spectral resampling of fields on a regular grid, truncating or zero-padding centred frequencies."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def resample(x: Float[Tensor, "b c *space"], size: tuple[int, ...]) -> Float[Tensor, "b c *size"]:
    """Fourier interpolation to `size` points per axis (Poseidon's convention, whatever the boundary).

    Truncation keeps integer frequencies -n/2 <= f <= n/2 - 1; padding adds (n - old) // 2 zeros on both sides of the
    centred spectrum. Both grids must be even.

    Raises:
        ValueError: an odd size where the size changes.
    """
    for axis, new in enumerate(size, start=2):
        old = x.shape[axis]
        if old == new:
            continue
        if old % 2 or new % 2:
            raise ValueError(
                f"spectral resampling needs even grid sizes, got {old} -> {new} along space axis {axis - 2}; "
                "crop or interpolate the data to an even size"
            )
        spectrum = torch.fft.fftshift(torch.fft.fft(x, dim=axis, norm="forward"), dim=axis)
        if new < old:
            spectrum = spectrum.narrow(axis, (old - new) // 2, new)
        else:
            ends = [0, 0] * (x.dim() - axis - 1) + [(new - old) // 2] * 2
            spectrum = torch.nn.functional.pad(spectrum, ends)
        x = torch.fft.ifft(torch.fft.ifftshift(spectrum, dim=axis), dim=axis, norm="forward")
    return x.real if x.is_complex() else x
