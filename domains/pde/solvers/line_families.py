"""The random families on periodic lines and in a periodic cube, in the form of `families`."""

from collections.abc import Sequence

import numpy as np
from scipy import fft

from .exponential import Forcing, exponential
from .spectral import Array

Generators = Sequence[np.random.Generator]
FRONT_LENGTH = 64.0
SPIN_UP = 100.0
DIFFUSIVITIES = (2.5e-3, 1.25e-2)


def burgers_lines(
    generators: Generators, resolution: int, times: Sequence[float], *, precision: str = "double"
) -> Array:
    """Burgers on the unit circle: velocity (deviation 0.5, up to 4 periods) and its viscosity, drawn evenly in the
    logarithm from 2e-3 to 2e-2 and constant over the line. At least 512 points, given at every n-th."""
    stride = max(1, -(-512 // resolution))
    points = np.arange(stride * resolution) / (stride * resolution)
    starts = np.stack([waves(rng, points, 4, 0.5) for rng in generators])
    viscosity = np.exp([rng.uniform(np.log(2e-3), np.log(2e-2)) for rng in generators])
    modes = wavenumbers(len(points), 1.0)
    rates = -viscosity[:, None, None] * modes**2
    forcing, step = steepening(modes, len(points)), 0.125 / len(points)
    path = exponential(starts[:, None].astype(precision), rates, forcing, times, step=step, axes=1, multistep=True)
    constant = np.broadcast_to(viscosity[:, None, None, None], path.shape)
    return np.concatenate([path, constant], axis=2)[..., ::stride]


def flame_fronts(
    generators: Generators, resolution: int, times: Sequence[float], *, precision: str = "double"
) -> Array:
    """Kuramoto–Sivashinsky on a circle of length 64, after a time of 100 from random waves: slope."""
    points = np.arange(resolution) / resolution
    starts = np.stack([waves(rng, points, 8, 1.0) for rng in generators])
    modes = wavenumbers(resolution, FRONT_LENGTH)
    rates = (modes**2 - modes**4)[None]
    later = [SPIN_UP + time for time in times]
    forcing = steepening(modes, resolution)
    return exponential(starts[:, None].astype(precision), rates, forcing, later, step=0.025, axes=1, multistep=True)


def reactions_in_space(
    generators: Generators, resolution: int, times: Sequence[float], *, precision: str = "double"
) -> Array:
    """FitzHugh–Nagumo in the unit cube from random smooth fields of deviation 1: activator, inhibitor."""
    points = np.arange(resolution) / resolution
    starts = np.stack([np.stack([clouds(rng, points, 2, 1.0) for _ in range(2)]) for rng in generators])
    modes = [2 * np.pi * resolution * f for f in (fft.fftfreq(resolution),) * 2 + (fft.rfftfreq(resolution),)]
    squared = modes[0][:, None, None] ** 2 + modes[1][:, None] ** 2 + modes[2] ** 2
    rates = -np.multiply.outer(np.array(DIFFUSIVITIES), squared)
    size, axes = (resolution,) * 3, (-3, -2, -1)

    def reaction(spectra: Array) -> Array:
        u, v = np.moveaxis(fft.irfftn(spectra, s=size, axes=axes, norm="forward", workers=1), 1, 0)
        change = np.stack([u - u**3 - 5e-3 - v, u - v], axis=1)
        return fft.rfftn(change, axes=axes, norm="forward", workers=1)

    return exponential(starts.astype(precision), rates, reaction, times, step=0.05, axes=3)


def steepening(modes: Array, resolution: int) -> Forcing:
    """``-(u^2 / 2)_x`` of spectra on a line of so many points, without aliases: modes as of `wavenumbers`."""

    def forcing(spectra: Array) -> Array:
        u = fft.irfft(spectra, n=resolution, norm="forward", workers=1)
        u *= u
        squared = fft.rfft(u, norm="forward", workers=1)[..., : len(modes)]
        return squared * (-0.5j * modes).astype(squared.dtype)

    return forcing


def wavenumbers(resolution: int, length: float) -> Array:
    """Radians per length of the modes of a real field on a line that the 2/3 rule keeps."""
    return 2 * np.pi / length * np.arange(-(-resolution // 3))


def waves(rng: np.random.Generator, points: Array, modes: int, deviation: float) -> Array:
    """A random field on the unit circle: cosines of up to ``modes`` periods, weighted by one over that number."""
    mode = np.arange(1, modes + 1)
    weights, phases = rng.uniform(-1, 1, modes) / mode, rng.uniform(0, 2 * np.pi, modes)
    scale = deviation / np.sqrt((weights**2).sum() / 2)
    return scale * np.cos(2 * np.pi * np.multiply.outer(points, mode) + phases) @ weights


def clouds(rng: np.random.Generator, points: Array, modes: int, deviation: float) -> Array:
    """A random field in the unit cube: products of three cosines of up to ``modes`` periods."""
    shape = (modes + 1,) * 3
    mode = np.arange(modes + 1)
    reach = np.sqrt(np.add.outer(np.add.outer(mode**2, mode**2), mode**2))
    weights = np.where(reach > 0, rng.uniform(-1, 1, shape) / np.maximum(reach, 1), 0.0)
    phases = rng.uniform(0, 2 * np.pi, (3, modes + 1))
    x, y, z = (np.cos(2 * np.pi * np.multiply.outer(points, mode) + phase) for phase in phases)
    field = np.einsum("xi,yj,zk,ijk->xyz", x, y, z, weights, optimize=True)
    norms = [np.where(mode > 0, 0.5, np.cos(phase) ** 2) for phase in phases]
    power = np.einsum("i,j,k,ijk->", *norms, weights**2)
    return field * deviation / np.sqrt(power)
