"""How the variance of fields on the sphere is spread over scales."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .grid import Grid


def zonal_spectrum(
    x: Float[Tensor, "*b h w"], rows: Float[Tensor, " h"] | None = None
) -> Float[Tensor, "*b wavenumbers"]:
    """Mean over rows of the power of each zonal wavenumber; the sum over wavenumbers is the mean square of the field.

    Rows are whole circles. `rows` weighs them.
    """
    columns = x.shape[-1]
    power = torch.fft.rfft(x, norm="forward").abs().square()
    twice = torch.full((power.shape[-1],), 2.0, dtype=power.dtype, device=power.device)
    twice[0] = 1
    if columns % 2 == 0:
        twice[-1] = 1
    weights = torch.ones(x.shape[-2]).to(power) if rows is None else rows.to(power)
    return torch.einsum("...hk,h->...k", power * twice, weights / weights.sum())


def spherical_spectrum(
    x: Float[Tensor, "*b h w"], grid: Grid, degrees: int | None = None
) -> Float[Tensor, "*b degrees"]:
    """Power of each total wavenumber l = 0, 1, ...: sum over m of |a_lm|^2 with harmonics of mean square 1.

    The sum over all degrees is the area mean of the squared field. The integral over latitude is that of Gauss on
    Gaussian rows (exact), and of cell areas on others (accurate for l well below the number of rows).

    Args:
        grid: global and periodic.
        degrees: number of degrees; half the number of rows by default.

    Raises:
        ValueError: a regional grid.
    """
    if not grid.periodic:
        raise ValueError(
            "spherical harmonics need whole circles of longitude, got a regional grid; use a zonal spectrum"
        )
    count = grid.shape[0] // 2 if degrees is None else degrees
    if count > grid.shape[0] or count > grid.shape[1] // 2 + 1:
        raise ValueError(f"a grid of {grid.shape} resolves fewer than {count} degrees; ask for at most half its rows")
    waves = torch.fft.rfft(x, norm="forward")[..., :count]  # (h, m)
    legendre = torch.from_numpy(legendre_functions(np.sin(np.deg2rad(grid.latitude)), count)).to(x.dtype)  # (m, l, h)
    weights = torch.from_numpy(_quadrature(grid)).to(x.dtype)
    real, imaginary = (torch.einsum("...hm,mlh,h->...ml", part, legendre, weights) for part in (waves.real, waves.imag))
    power = real.square() + imaginary.square()
    twice = torch.full((count, 1), 2.0, dtype=power.dtype)
    twice[0] = 1
    return (power * twice).sum(-2)


def legendre_functions(z: np.ndarray, count: int) -> np.ndarray:
    """P[m, l, point] for l, m < count, normalised so that half the integral of P^2 over z from -1 to 1 is 1."""
    made = np.zeros((count, count, len(z)))
    cosine = np.sqrt(np.clip(1 - z**2, 0, None))
    sector = np.ones_like(z)
    for m in range(count):
        if m:
            sector = sector * cosine * math.sqrt((2 * m + 1) / (2 * m))
        made[m, m] = sector
        if m + 1 < count:
            made[m, m + 1] = math.sqrt(2 * m + 3) * z * sector
        for n in range(m + 2, count):
            a = math.sqrt((4 * n * n - 1) / (n * n - m * m))
            b = math.sqrt(((n - 1) ** 2 - m * m) / (4 * (n - 1) ** 2 - 1))
            made[m, n] = a * (z * made[m, n - 1] - b * made[m, n - 2])
    return made


def effective_resolution(
    forecast: Float[Tensor, " wavenumbers"], target: Float[Tensor, " wavenumbers"], share: float = 0.5
) -> int:
    """The largest wavenumber up to which a forecast keeps at least `share` of the power of the target."""
    kept = forecast >= share * target
    lost = (~kept[1:]).nonzero()
    return int(lost[0, 0]) if len(lost) else len(forecast) - 1


def _quadrature(grid: Grid) -> np.ndarray:
    """Weights of the rows, with the sum 1."""
    nodes, weights = np.polynomial.legendre.leggauss(grid.shape[0])
    sines = np.sin(np.deg2rad(grid.latitude))
    for order in (nodes, nodes[::-1]):
        if np.allclose(sines, order, atol=1e-4):
            return weights / 2
    return grid.area_weights() / grid.shape[0]
