"""Coordinate reference systems: their names, whether two are the same, and coordinates from one to another."""

from __future__ import annotations

from typing import Any

import numpy as np

from humboldt.data_catalog import DataError

DEGREES = "EPSG:4326"


def crs_name(crs: Any) -> str:
    """What PROJ calls it: EPSG:32633 where it has a number, else its definition.

    Raises:
        DataError: PROJ does not know it.
    """
    return str(_known(crs).to_string())


def is_same_crs(one: Any, other: Any) -> bool:
    """Whether places have the same x and y in both, in whatever order the axes are listed; None is like None alone."""
    if one is None or other is None or one is other or str(one) == str(other):
        return (one is None) == (other is None)
    return bool(_known(one).equals(_known(other), ignore_axis_order=True))


def is_geographic(crs: Any) -> bool:
    """Whether x and y are degrees."""
    return bool(_known(crs).is_geographic)


def transformed(x: np.ndarray, y: np.ndarray, crs: Any, to: Any) -> tuple[np.ndarray, np.ndarray]:
    """x and y in another CRS, longitude before latitude; infinite where it does not reach.

    Raises:
        DataError: PROJ does not know one of them.
    """
    if is_same_crs(crs, to):
        return x, y
    from pyproj import Transformer

    found = Transformer.from_crs(_known(crs), _known(to), always_xy=True).transform(x, y)
    return found[0], found[1]


def to_degrees(x: Any, y: Any, crs: Any) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude (WGS 84) of coordinates in a CRS."""
    return transformed(np.asarray(x, float), np.asarray(y, float), crs, DEGREES)


def rioxarray() -> Any:
    """The package; its absence names the extra."""
    try:
        import rioxarray
    except ImportError as error:
        raise ImportError('layers of the environment need rioxarray: pip install "humboldt[geo]"') from error
    return rioxarray


def _known(crs: Any) -> Any:
    try:
        from pyproj import CRS
        from pyproj.exceptions import CRSError
    except ImportError as error:
        raise ImportError('coordinates in a CRS need pyproj: pip install "humboldt[geo]"') from error
    try:
        return CRS.from_user_input(crs)
    except CRSError as error:
        raise DataError(
            f"a CRS is one that PROJ knows, such as 'EPSG:4326', 32633 or a WKT, got {crs!r}; look it up at "
            "https://epsg.io"
        ) from error
