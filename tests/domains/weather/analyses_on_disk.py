"""Small data sets as they are published, in various spellings."""

import numpy as np
import xarray as xr

TIMES = np.datetime64("2020-02-28T00") + np.arange(8) * np.timedelta64(6, "h")


def analyses(frames: int = 8, rows: int = 5, columns: int = 8, seed: int = 0) -> xr.Dataset:
    """Temperature on two levels and sea-level pressure, global, south first, from Greenwich."""
    generator = np.random.default_rng(seed)
    times = np.datetime64("2020-02-28T00", "ns") + np.arange(frames) * np.timedelta64(6, "h")
    coords = {
        "time": times,
        "level": ("level", [500.0, 850.0], {"units": "hPa"}),
        "latitude": ("latitude", np.linspace(-90, 90, rows), {"units": "degrees_north"}),
        "longitude": ("longitude", np.arange(columns) * 360 / columns, {"units": "degrees_east"}),
    }
    t = generator.normal(270, 10, (frames, 2, rows, columns)).astype(np.float32)
    msl = generator.normal(1e5, 1e3, (frames, rows, columns)).astype(np.float32)
    return xr.Dataset(
        {
            "t": (("time", "level", "latitude", "longitude"), t, {"units": "K", "standard_name": "air_temperature"}),
            "msl": (("time", "latitude", "longitude"), msl, {"units": "Pa"}),
        },
        coords,
    )
