"""Random initial conditions of the incompressible flows, as functions of continuous space.

Source: Poseidon (arXiv 2405.19101), supplement. Each function takes a random generator and a grid; the numbers that it
draws do not depend on the grid, so that a finer grid shows the same flow in more detail.
A `Flow start` is the vorticity spectrum ``[k_x, k_y]`` and the mean velocity ``[2]``.
"""

import numpy as np
from scipy.special import j1

from .navier_stokes import curl
from .spectral import Array, PeriodicGrid

Generator = np.random.Generator
FlowStart = tuple[Array, Array]
AT_REST = np.zeros(2)


def sines(rng: Generator, grid: PeriodicGrid) -> FlowStart:
    """NS-Sines: 10 x 10 products of sines (u) and cosines (v), amplitude ``a_ij / sqrt(2 pi (i + j))``; projected."""
    weights = rng.uniform(-1, 1, (10, 10))
    phase_x, phase_y = rng.uniform(0, 2 * np.pi, (2, 10, 10))
    mode = np.arange(1, 11)
    weights = weights / np.sqrt(2 * np.pi * (mode[:, None] + mode))
    u = double_series(weights, phase_x - np.pi / 2, phase_y - np.pi / 2, grid.points / grid.length)
    v = double_series(weights, phase_x, phase_y, grid.points / grid.length)
    return curl(np.stack([u, v]), grid)


def double_series(weights: Array, phase_x: Array, phase_y: Array, points: Array, first: int = 1) -> Array:
    """``sum_ij weights_ij cos(2 pi i x + phase_x_ij) cos(2 pi j y + phase_y_ij)``, i, j from ``first`` on."""
    i, j = np.meshgrid(*(np.arange(first, first + size) for size in weights.shape), indexing="ij")
    along_x = np.cos(2 * np.pi * np.multiply.outer(points, i) + phase_x) * weights
    along_y = np.cos(2 * np.pi * np.multiply.outer(points, j) + phase_y)
    return np.einsum("xm,ym->xy", along_x.reshape(len(points), -1), along_y.reshape(len(points), -1), optimize=True)


def gaussians(rng: Generator, grid: PeriodicGrid) -> FlowStart:
    """NS-Gauss: vorticity of 100 Gaussians ``a_i / s_i exp(-r^2 / 2 s_i^2)``, by their exact Fourier series."""
    strength = rng.uniform(-1, 1, 100)
    width = rng.uniform(0.01, 0.1, 100)
    centre = rng.uniform(0, 1, (2, 100))
    along_x = gaussian_modes(grid.modes_x[:, 0], width, centre[0])
    along_y = gaussian_modes(grid.modes_y[0], width, centre[1])
    return (along_x * (strength / width)) @ along_y.T, AT_REST


def gaussian_modes(modes: Array, width: Array, centre: Array) -> Array:
    """Fourier coefficients ``[mode, gaussian]`` of periodised unit Gaussians on the unit circle."""
    envelope = np.sqrt(2 * np.pi) * width * np.exp(-2 * (np.pi * np.multiply.outer(modes, width)) ** 2)
    return envelope * np.exp(-2j * np.pi * np.multiply.outer(modes, centre))


def cells(rng: Generator, grid: PeriodicGrid, count: int = 10) -> FlowStart:
    """NS-PwC: vorticity ``count * U[-1, 1]``, constant on ``count`` x ``count`` cells, by its exact Fourier series.

    The published text gives U[-1, 1] without its unit of length; with the side of a cell as that unit the velocity
    has a deviation of about 0.25 a component (0.22 is published for the forced flow with these initial data).
    """
    values = count * rng.uniform(-1, 1, (count, count))
    along_x = cell_modes(grid.modes_x[:, 0], count)
    along_y = cell_modes(grid.modes_y[0], count)
    return along_x @ values @ along_y.T, AT_REST


def cell_modes(modes: Array, count: int) -> Array:
    """Fourier coefficients ``[mode, cell]`` of the indicators of ``count`` equal intervals of the unit circle."""
    middle = (np.arange(count) + 0.5) / count
    return np.sinc(modes / count)[:, None] / count * np.exp(-2j * np.pi * np.multiply.outer(modes, middle))


def shear_layer(rng: Generator, grid: PeriodicGrid) -> FlowStart:
    """NS-SL: a double tanh shear layer of thickness U[0.08, 0.12], shifted and perturbed by 7 to 12 sines."""
    thickness, shift = rng.uniform(0.08, 0.12), rng.uniform(-1 / 16, 1 / 16)
    mode = np.arange(1, 1 + rng.integers(7, 13))
    weight, phase = rng.uniform(0, 1, len(mode)), rng.uniform(0, 2 * np.pi, len(mode))
    points = grid.points / grid.length
    offset = shift + 0.025 * np.sin(2 * np.pi * np.multiply.outer(points, mode) - phase) @ weight
    height = (points[None, :] + offset[:, None]) % 1
    u = np.tanh((0.25 - np.abs(height - 0.5)) / thickness)
    return curl(np.stack([u, np.zeros_like(u)]), grid)


def vortex_sheet(rng: Generator, grid: PeriodicGrid, places: int = 4096) -> FlowStart:
    """NS-SVS: vorticity of strength 1 along ``y = 1/2 + 0.2 sin(2 pi x) + sum_10 a_i sin(2 pi (x + b_i))``.

    a U[0, 1/320], b U[0, 1]; by its Fourier series, its mean taken off. It is mollified by a Gaussian of deviation
    3/128; the published kernel is a cubic spline a few times 1/128 wide.
    """
    strength, phase = rng.uniform(0, 0.003125, 10), rng.uniform(0, 1, 10)
    x = (np.arange(places) + 0.5) / places
    y = 0.5 + 0.2 * np.sin(2 * np.pi * x) + strength @ np.sin(2 * np.pi * (x + phase[:, None]))
    along_x = np.exp(-2j * np.pi * grid.modes_x[:, 0, None] * x)
    along_y = np.exp(-2j * np.pi * grid.modes_y[0, :, None] * y)
    soft = np.exp(-2 * (np.pi * np.hypot(grid.modes_x, grid.modes_y) * 3 / 128) ** 2)
    sheet = soft * (along_x @ along_y.T) / places
    sheet[0, 0] = 0
    return sheet, AT_REST


def brownian_bridge(rng: Generator, grid: PeriodicGrid, modes: int = 64) -> FlowStart:
    """NS-BB: each velocity component ``sum_k |k|^-3/2 U[-1, 1]`` over products of sines and cosines; projected.

    The published flow is evolved for 0.5 before its time 0.
    """
    weights = rng.uniform(-1, 1, (2, 2, 2, modes + 1, modes + 1))
    kept = min(modes, grid.resolution // 3) + 1
    i = np.arange(kept)
    decay = np.maximum(np.hypot(i[:, None], i), 1) ** -1.5
    decay[0, 0] = 0
    angle = 2 * np.pi * np.multiply.outer(grid.points / grid.length, i)
    waves = np.stack([np.cos(angle), np.sin(angle)])
    series = weights[..., :kept, :kept] * decay
    return curl(np.einsum("cabij,axi,byj->cxy", series, waves, waves, optimize=True), grid)


def disc(grid: PeriodicGrid, radius: float = 0.25, centre: tuple[float, float] = (0.5, 0.5)) -> Array:
    """Spectrum of the indicator of a disc, its edge softened by a Gaussian of deviation 1/64 (held by 64 points)."""
    periods = np.hypot(grid.modes_x, grid.modes_y)
    angle = 2 * np.pi * radius * np.maximum(periods, 1e-9)
    sharp = 2 * np.pi * radius**2 * j1(angle) / angle
    shift = np.exp(-2j * np.pi * (grid.modes_x * centre[0] + grid.modes_y * centre[1]))
    return sharp * shift * np.exp(-2 * (np.pi * periods / 64) ** 2)


def smooth_field(rng: Generator, grid: PeriodicGrid, *, modes: int = 6, deviation: float = 1.0) -> Array:
    """A random field on the grid: cosine products of up to ``modes`` periods, weighted by ``1 / |k|``."""
    return smooth_series(rng, grid.points / grid.length, modes=modes, deviation=deviation)


def smooth_series(rng: Generator, points: Array, *, modes: int = 6, deviation: float = 1.0) -> Array:
    """The same at points of the unit interval along each axis."""
    mode = np.arange(modes + 1)
    weights = rng.uniform(-1, 1, (modes + 1, modes + 1)) / np.maximum(np.hypot(mode[:, None], mode), 1)
    phases = rng.uniform(0, 2 * np.pi, (2, modes + 1, modes + 1))
    weights[0, 0] = 0
    power = (weights**2).sum() / 4
    return double_series(weights * deviation / np.sqrt(power), phases[0], phases[1], points, first=0)
