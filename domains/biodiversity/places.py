"""Distances between places: great circles for degrees, straight lines for metres."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.spatial import cKDTree

from humboldt.data_catalog import DataError

EARTH = 6_371_008.8  # mean radius in metres
Geometry = Literal["sphere", "plane"]


class Places:
    """Points that can be asked for their neighbours.

    Args:
        x, y: longitude and latitude in degrees on the `sphere`, coordinates in metres on the `plane`.
        geometry: which of the two.

    Raises:
        DataError: what `checked_places` refuses.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, geometry: Geometry = "sphere") -> None:
        x, y = checked_places(x, y, geometry)
        self.geometry = geometry
        if geometry == "sphere":
            longitude, latitude = np.radians(x), np.radians(y)
            flat = np.cos(latitude)
            self.points = np.stack([flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)], axis=1)
        else:
            self.points = np.stack([x, y], axis=1)
        self.tree = cKDTree(self.points)

    def _reach(self, metres: float) -> float:
        """Length of the chord of a great circle; the distance itself on the plane."""
        if self.geometry == "plane":
            return metres
        return 2 * np.sin(min(metres / EARTH, np.pi) / 2)

    def nearest(self, others: Places) -> np.ndarray:
        """Distance in metres from each of these points to the nearest of the others."""
        length, _ = others.tree.query(self.points)
        return length if self.geometry == "plane" else 2 * EARTH * np.arcsin(np.minimum(length / 2, 1))

    def neighbours(self, index: int, metres: float) -> list[int]:
        """Numbers of the points within a distance of one of them, itself included."""
        return self.tree.query_ball_point(self.points[index], self._reach(metres))


def checked_places(x: np.ndarray, y: np.ndarray, geometry: Geometry = "sphere") -> tuple[np.ndarray, np.ndarray]:
    """Coordinates as arrays of numbers.

    Raises:
        DataError: not as many of both, some that are not finite, or beyond 360 and 90 degrees on the sphere.
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    if x.shape != y.shape or x.ndim != 1:
        raise DataError(f"a place has an x and a y, got arrays of the shapes {x.shape} and {y.shape}; give both of all")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise DataError("places have coordinates, got some that are NaN or infinite; drop them (clean_occurrences)")
    if geometry == "sphere" and len(x) and (np.abs(x).max() > 360 or np.abs(y).max() > 90):
        raise DataError(
            f"degrees are at most 180 (longitude) and 90 (latitude), got x up to {np.abs(x).max():g} and y up to "
            f"{np.abs(y).max():g}; are they swapped, or metres (geometry='plane')?"
        )
    return x, y
