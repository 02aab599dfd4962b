"""Airfoils and meshes round them: the RAE 2822, its random variations, and the map from a circle."""

from dataclasses import dataclass, field
from math import comb

import numpy as np
from scipy.interpolate import PchipInterpolator

from .spectral import Array

# The published ordinates (Cook, McDonald, Firmin, AGARD AR-138, 1979) as sqrt(x) (1 - x) times Bernstein polynomials:
# the largest distance is 4e-5 (upper) and 6e-5 (lower) of the chord.
UPPER = (0.1283, 0.1267, 0.1607, 0.1494, 0.1510, 0.2242, 0.1608, 0.2100, 0.1861, 0.2105)
LOWER = (-0.1293, -0.1318, -0.1705, -0.0704, -0.3389, 0.0099, -0.2007, -0.0354, -0.0440, 0.0644)
BUMPS = 15
REACH = 40.0
CONTOUR = 400


@dataclass(frozen=True)
class Airfoil:
    """Two surfaces over the chord from 0 to 1 that meet at its ends.

    upper, lower: coefficients of the Bernstein polynomials; bumps: heights ``[2, BUMPS]`` of Hicks–Henne bumps on the
    upper and the lower surface, whose peaks are evenly spread.
    """

    upper: tuple[float, ...] = UPPER
    lower: tuple[float, ...] = LOWER
    bumps: Array = field(default_factory=lambda: np.zeros((2, BUMPS)))

    def heights(self, x: Array) -> Array:
        """Ordinates of the upper and the lower surface, ``[2, ...]``."""
        peaks = np.arange(1, BUMPS + 1) / (BUMPS + 1)
        waves = np.sin(np.pi * np.power.outer(x, np.log(0.5) / np.log(peaks))) ** 4
        return np.stack([classed(x, self.upper), classed(x, self.lower)]) + np.moveaxis(waves @ self.bumps.T, -1, 0)

    def camber(self, x: Array) -> Array:
        """The line half-way between the surfaces."""
        return self.heights(x).mean(axis=0)

    def nose(self) -> float:
        """Half the radius of the leading edge: where the map is singular inside of it."""
        return (0.5 * (self.upper[0] - self.lower[0])) ** 2 / 4


def classed(x: Array, coefficients: tuple[float, ...]) -> Array:
    """``sqrt(x) (1 - x) sum_i c_i B_i(x)`` (Kulfan, J. Aircraft 45, 2008): round in front, sharp behind."""
    degree = len(coefficients) - 1
    terms = [c * comb(degree, i) * x**i * (1 - x) ** (degree - i) for i, c in enumerate(coefficients)]
    return np.sqrt(x) * (1 - x) * np.sum(terms, axis=0)


def varied(rng: np.random.Generator, height: float = 2e-3) -> Airfoil:
    """An RAE 2822 with 30 bumps of heights U[-1, 1] ``height``; the published heights are not said."""
    return Airfoil(bumps=height * rng.uniform(-1, 1, (2, BUMPS)))


class CircleMap:
    """From the plane of an airfoil to polar coordinates in which it is the line 0 and far away the line 1.

    Joukowski's map (singular at the trailing edge and inside of the nose) makes it nearly a circle; round the middle of
    that its radius is a function of the angle.
    """

    def __init__(self, airfoil: Airfoil) -> None:
        self.airfoil = airfoil
        nose = airfoil.nose()
        self.middle, self.half = (1 + nose) / 2, (1 - nose) / 2
        x = (1 + np.cos(np.linspace(0, np.pi, CONTOUR + 1))) / 2
        above, below = airfoil.heights(np.clip(x, 0, 1))
        around = np.concatenate([x + 1j * above, (x + 1j * below)[-2::-1]])
        outline = self.unfolded(around)
        self.centre = outline[:-1].mean()
        angle = np.unwrap(np.angle(outline - self.centre))
        if not np.all(np.diff(angle) > 0):
            raise ValueError(
                "a mesh goes once round an airfoil whose surfaces do not cross, got one that folds; lower its bumps"
            )
        self.first = float(angle[0])
        self.radius = PchipInterpolator(angle, np.log(np.abs(outline - self.centre)))

    def unfolded(self, z: Array) -> Array:
        """Joukowski's map of places outside; what lies between chord and camber is taken from the other side."""
        w = (z - self.middle) / self.half
        root = np.sqrt(w - 1) * np.sqrt(w + 1)
        camber = self.airfoil.camber(np.clip(z.real, 0, 1))
        beyond = np.where(camber > 0, (z.imag >= 0) & (z.imag < camber), (z.imag < 0) & (z.imag >= camber))
        along = (z.real > self.middle - self.half) & (z.real < 1)
        return np.where(beyond & along, w - root, w + root)

    def polar(self, z: Array) -> tuple[Array, Array]:
        """Angle from the trailing edge in turns, and the share of the way out (negative inside)."""
        place = self.unfolded(z) - self.centre
        angle = (np.angle(place) - self.first) % (2 * np.pi)
        near = self.radius(self.first + angle)
        return angle / (2 * np.pi), (np.log(np.abs(place)) - near) / (np.log(REACH) - near)

    def nodes(self, around: int, outward: int) -> Array:
        """Corners of the cells of a mesh, complex ``[around + 1, outward + 1]``; the first column is the airfoil."""
        angle = self.first + 2 * np.pi * np.arange(around + 1)[:, None] / around
        near, share = self.radius(angle), np.arange(outward + 1) / outward
        place = self.centre + np.exp((1 - share) * near + share * np.log(REACH) + 1j * angle)
        return self.middle + self.half * (place + 1 / place) / 2
