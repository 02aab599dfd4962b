"""Two steady problems on the unit square with values given on its boundary: Poisson and Helmholtz."""

import numpy as np
from scipy import fft, sparse
from scipy.sparse.linalg import spsolve

from .spectral import Array


def poisson(source: Array) -> Array:
    """Solve ``-Lap u = f``, ``u = 0`` on the boundary, by the sine series of f.

    source: f at the middles of the cells, ``[..., x, y]``; returns u there, exact for what the series of f holds.
    """
    wavenumber = [np.pi * np.arange(1, size + 1) for size in source.shape[-2:]]
    symbol = wavenumber[0][:, None] ** 2 + wavenumber[1] ** 2
    series = fft.dstn(source, type=2, axes=(-2, -1), norm="ortho", workers=1)
    return fft.idstn(series / symbol, type=2, axes=(-2, -1), norm="ortho", workers=1)


def helmholtz(coefficient: Array, boundary: float, frequency: float) -> Array:
    """Solve ``-Lap u - frequency^2 a u = 0``, ``u = boundary`` on the boundary, by a sparse direct solver.

    coefficient: a at the middles of the cells, ``[x, y]``; returns u there, by differences of second order.
    """
    laplacian = sparse.kronsum(*(minus_second_difference(size) for size in reversed(coefficient.shape)))
    local = frequency**2 * coefficient.ravel()
    excess = spsolve((laplacian - sparse.diags_array(local)).tocsc(), local * boundary)
    return boundary + excess.reshape(coefficient.shape)


def minus_second_difference(size: int) -> sparse.csr_array:
    """``-d^2/dx^2`` at the middles of cells for values that vanish at both ends of the unit interval."""
    diagonal = np.full(size, 2.0)
    diagonal[[0, -1]] = 3.0  # a ghost cell of the opposite value lies behind each end
    beside = np.full(size - 1, -1.0)
    return sparse.diags_array([beside, diagonal, beside], offsets=(-1, 0, 1), format="csr") * size**2
