"""The periodic square as Fourier series: wavenumbers, transforms and the 2/3 rule."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import fft

Array = np.ndarray


@dataclass(frozen=True, kw_only=True)
class PeriodicGrid:
    """``resolution`` x ``resolution`` points ``x_i = length i / resolution`` on a periodic square.

    Fields are real arrays ``[..., x, y]``; their spectra are complex ``[..., resolution, resolution // 2 + 1]`` whose
    entries are the amplitudes of ``exp(i (k_x x + k_y y))``, so that a spectrum does not depend on the resolution.
    """

    resolution: int
    length: float = 1.0

    def __post_init__(self) -> None:
        if self.resolution < 8 or self.resolution % 2:
            raise ValueError(
                f"a grid needs an even resolution of at least 8, got {self.resolution}; choose for example 64 or 128"
            )

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
        """Whole periods along y, ``[1, resolution // 2 + 1]``."""
        return np.round(fft.rfftfreq(self.resolution, 1 / self.resolution))[None, :]

    @cached_property
    def wavenumber_x(self) -> Array:
        """Radians per length along x, ``[resolution, 1]``."""
        return 2 * np.pi / self.length * self.modes_x

    @cached_property
    def wavenumber_y(self) -> Array:
        """Radians per length along y, ``[1, resolution // 2 + 1]``."""
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
        return fft.rfft2(field, norm="forward", workers=1)

    def laplacian(self, field: Array) -> Array:
        """Laplacian of a real field."""
        return self.backward(-self.wavenumber_squared * self.forward(field))

    def backward(self, spectrum: Array) -> Array:
        """Real field of a spectrum."""
        return fft.irfft2(spectrum, s=(self.resolution, self.resolution), norm="forward", workers=1)
