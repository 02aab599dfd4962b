"""Small layers of the environment, made on the fly."""

import numpy as np
import xarray as xr


def layers(crs="EPSG:4326", *, south_up=False):
    """Two layers on 4 x 5 cells around (10..14 E, 50..53 N); one cell has no value."""
    x, y = np.arange(10.0, 15.0), np.arange(53.0, 49.0, -1)
    warm = np.arange(20.0).reshape(4, 5)
    warm[0, 0] = np.nan
    data = xr.Dataset({"warm": (("y", "x"), warm), "wet": (("y", "x"), -warm)}, {"x": x, "y": y})
    data = data.sortby("y") if south_up else data
    return data if crs is None else data.rio.write_crs(crs)
