"""Regular and Gaussian latitude-longitude grids, global or regional: where the points are and how much they count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from humboldt.data_catalog import DataError

TOLERANCE = 1e-3  # degrees


@dataclass(frozen=True)
class Grid:
    """Latitudes and longitudes of the rows and columns of a field.

    Attributes:
        latitude: degrees north, strictly rising or strictly falling, within [-90, 90].
        longitude: degrees east, strictly rising, less than a full circle apart (any branch: -180 to 180, 0 to 360).
    """

    latitude: tuple[float, ...]
    longitude: tuple[float, ...]

    def __post_init__(self) -> None:
        latitude, longitude = np.asarray(self.latitude), np.asarray(self.longitude)
        if len(latitude) == 0 or len(longitude) == 0:
            raise DataError("a grid has at least one row and one column, got none")
        if not np.isfinite(latitude).all() or np.abs(latitude).max() > 90 + TOLERANCE:
            raise DataError(
                f"latitudes are degrees within [-90, 90], got {latitude.min():g} to {latitude.max():g}; "
                "convert radians to degrees, or drop rows beyond the poles"
            )
        steps = np.diff(latitude)
        if not (np.all(steps > 0) or np.all(steps < 0)):
            raise DataError("latitudes rise or fall strictly, got values out of order; sort the rows")
        if not np.isfinite(longitude).all() or np.any(np.diff(longitude) <= 0):
            raise DataError(
                "longitudes rise strictly, got values out of order; roll the columns so that they rise, also where a "
                "region crosses the dateline (170, 180, 190)"
            )
        if longitude[-1] - longitude[0] > 360 - TOLERANCE:
            raise DataError(
                f"columns cover less than a full circle, got {longitude[0]:g} to {longitude[-1]:g} degrees; drop the "
                "cyclic column, which repeats the first one"
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.latitude), len(self.longitude)

    @property
    def periodic(self) -> bool:
        """Whether the last column is the neighbour of the first."""
        if len(self.longitude) < 2:
            return False
        step = (self.longitude[-1] - self.longitude[0]) / (len(self.longitude) - 1)
        return bool(abs(len(self.longitude) * step - 360) < max(10 * TOLERANCE, 0.05 * step))

    @property
    def spacing(self) -> tuple[float, float]:
        """Mean distance of rows and of columns, degrees."""
        return _spacing(self.latitude), _spacing(self.longitude)

    def latitude_edges(self) -> np.ndarray:
        """Borders of the rows: half way between them; a row nearer to a pole than to its neighbour reaches the pole."""
        edges, (spacing, _) = _edges(np.asarray(self.latitude, dtype=float)), self.spacing
        outer = [0, -1] if len(self.latitude) > 1 else []
        for end in outer:
            if 90 - abs(edges[end]) < spacing / 2 - TOLERANCE:
                edges[end] = np.copysign(90, edges[end])
        return edges.clip(-90, 90)

    def longitude_edges(self) -> np.ndarray:
        """Borders of the columns: half way between them; degrees."""
        return _edges(np.asarray(self.longitude, dtype=float))

    def area_weights(self) -> np.ndarray:
        """Area of the cells of each row, sin(upper edge) - sin(lower edge), divided by the mean over rows."""
        area = np.abs(np.diff(np.sin(np.deg2rad(self.latitude_edges()))))
        return area / area.mean()

    def cosine_weights(self) -> np.ndarray:
        """cos(latitude) of each row, as it is: 0 at a pole, 0.637 on average over a global grid."""
        return np.cos(np.deg2rad(np.asarray(self.latitude, dtype=float)))


def regular(rows: int, columns: int, *, poles: bool = False, south_first: bool = True, start: float = 0.0) -> Grid:
    """A global grid of equal steps; with `poles` the first and last row lie on them, else half a step away."""
    step = 180 / (rows - 1 if poles else rows)
    latitude = -90 + step * (np.arange(rows) + (0 if poles else 0.5))
    longitude = start + 360 / columns * np.arange(columns)
    latitude = latitude if south_first else latitude[::-1]
    return Grid(tuple(latitude.tolist()), tuple(longitude.tolist()))


def merra2(pole: bool = False) -> Grid:
    """The 0.5 x 0.625 degree grid of MERRA-2; without the north pole it has the 360 x 576 points of Prithvi WxC."""
    latitude = -90 + 0.5 * np.arange(361 if pole else 360)
    return Grid(tuple(latitude.tolist()), tuple((-180 + 0.625 * np.arange(576)).tolist()))


def _spacing(values: tuple[float, ...]) -> float:
    return abs(values[-1] - values[0]) / (len(values) - 1) if len(values) > 1 else float("nan")


def _edges(values: np.ndarray) -> np.ndarray:
    if len(values) == 1:
        return np.array([values[0] - 0.5, values[0] + 0.5])
    middle = (values[1:] + values[:-1]) / 2
    return np.concatenate([[2 * values[0] - middle[0]], middle, [2 * values[-1] - middle[-1]]])
