"""The periodic square as Fourier series: wavenumbers, transforms and the 2/3 rule."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import DTypeLike
from scipy import fft

Array = np.ndarray


@dataclass(frozen=True, kw_only=True)
class PeriodicGrid:
    """``resolution`` x ``resolution`` points ``x_i = length i / resolution`` on a periodic square.

    Fields are real arrays ``[..., x, y]``; their spectra are complex ``[..., resolution, resolution // 2 + 1]`` whose
    entries are the amplitudes of ``exp(i (k_x x + k_y y))``, so that a spectrum does not depend on the resolution.
    A ``dealiased`` grid has only the columns of a spectrum in which `kept` keeps a mode: two thirds of the arithmetic.
    Transforms are in the precision of what they are given.
    """

    resolution: int
    length: float = 1.0
    dealiased: bool = False

    def __post_init__(self) -> None:
        if self.resolution < 8 or self.resolution % 2:
            raise ValueError(
                f"a grid needs an even resolution of at least 8, got {self.resolution}; choose for example 64 or 128"
            )

    @property
    def columns(self) -> int:
        """Modes along y that a spectrum holds."""
        return -(-self.resolution // 3) if self.dealiased else self.resolution // 2 + 1

    @cached_property
    def points(self) -> Array:
        """Coordinates of the points along one axis, ``[resolution]``."""
        return np.arange(self.resolution) * (self.length / self.resolution)

    @cached_property
    def modes_x(self) -> Array:
        """Whole periods along x, ``[resolution, 1]``."""
        return np.round(fft.fftfreq(self.resolution, 1 / self.resolution))[:, None]

    @cached_property
    def modes_y(self) -> Array:
        """Whole periods along y, ``[1, columns]``."""
        return np.arange(self.columns, dtype=float)[None, :]

    @cached_property
    def wavenumber_x(self) -> Array:
        """Radians per length along x, ``[resolution, 1]``."""
        return 2 * np.pi / self.length * self.modes_x

    @cached_property
    def wavenumber_y(self) -> Array:
        """Radians per length along y, ``[1, columns]``."""
        return 2 * np.pi / self.length * self.modes_y

    @cached_property
    def wavenumber_squared(self) -> Array:
        """``k_x^2 + k_y^2``: minus the symbol of the Laplacian."""
        return self.wavenumber_x**2 + self.wavenumber_y**2

    @cached_property
    def kept(self) -> Array:
        """1 inside the circle of ``resolution / 3`` periods, else 0; products of two fields so cut have no aliases."""
        return (np.hypot(self.modes_x, self.modes_y) < self.resolution / 3).astype(float)

    @property
    def largest_kept(self) -> float:
        """Radius of the kept circle in radians per length."""
        return 2 * np.pi / self.length * self.resolution / 3

    @property
    def largest(self) -> float:
        """Largest wavenumber of the grid, in its corner, in radians per length."""
        return float(np.sqrt(self.wavenumber_squared.max()))

    def forward(self, field: Array) -> Array:
        """Spectrum of a real field."""
        along_y = fft.rfft(field, norm="forward", workers=1)[..., : self.columns]
        return fft.fft(along_y, axis=-2, norm="forward", overwrite_x=True, workers=1)

    def laplacian(self, field: Array) -> Array:
        """Laplacian of a real field."""
        return self.backward(scaled(self.forward(field), twice(-self.wavenumber_squared, field.dtype)))

    def backward(self, spectrum: Array) -> Array:
        """Real field of a spectrum."""
        along_y = fft.ifft(spectrum, axis=-2, norm="forward", workers=1)
        return fft.irfft(along_y, n=self.resolution, norm="forward", workers=1)


def parts(values: Array) -> Array:
    """The same memory as reals: of a spectrum the real and imaginary parts in turn, ``[..., 2 columns]``."""
    return values.view(values.real.dtype)


def twice(factors: Array, precision: DTypeLike) -> Array:
    """Real factors of the modes for both `parts` of a spectrum of that precision, ``[..., 2 columns]``."""
    return np.repeat(factors, 2, axis=-1).astype(np.finfo(np.dtype(precision)).dtype)


def scaled(spectrum: Array, factors: Array) -> Array:
    """A spectrum times real factors from `twice`: half the work of a complex product."""
    return (parts(spectrum) * factors).view(spectrum.dtype)
