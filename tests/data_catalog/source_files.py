"""Small files of several formats, made on the fly."""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr


def yearly(folder: Path, years: Any = (2001, 2002, 2003), *, calendar: str = "noleap", **change: Any) -> list[Path]:
    """Daily fields of several years, a file each, with times in days since the beginning of that year."""
    folder.mkdir(exist_ok=True)
    paths = []
    for year in years:
        paths.append(folder / f"t_{year}.nc")
        one_year(year, calendar, **change).to_netcdf(paths[-1])
    return paths


def one_year(year: int, calendar: str, days: int = 20, units: str = "K", **attrs: Any) -> xr.Dataset:
    """A field of temperature [time, lat, lon] with a missing value, time bounds and a mask."""
    rng = np.random.default_rng(year)
    values = (280 + rng.standard_normal((days, 4, 6))).astype(np.float32)
    values[3, 1, 2] = np.nan
    time = np.arange(days) + 0.5
    data = xr.Dataset(
        {"t": (("time", "lat", "lon"), values, {"units": units, "standard_name": "air_temperature", **attrs}),
         "land": (("lat", "lon"), (np.arange(24) % 2).reshape(4, 6).astype(np.int8))},
        {"time": ("time", time, {"units": f"days since {year}-01-01", "calendar": calendar, "bounds": "time_bnds"}),
         "time_bnds": (("time", "bnds"), np.stack([time - 0.5, time + 0.5], 1)),
         "lat": ("lat", np.linspace(-60, 60, 4), {"units": "degrees_north"}), "lon": ("lon", np.arange(6) * 60.0)},
        {"title": "made", "created": f"for {year}"},
    )  # fmt: skip
    data.t.encoding = {"zlib": True, "chunksizes": (5, 4, 6)}
    return data


def runs(folder: Path, count: int = 5, frames: int = 6, points: int = 8) -> list[Path]:
    """Trajectories of a wave, a file each, as a solver would leave them."""
    folder.mkdir(exist_ok=True)
    paths = []
    x = np.arange(points) / points
    for run in range(count):
        phase = 2 * np.pi * (x + 0.1 * run)
        u = np.stack([np.sin(phase + 0.2 * frame) for frame in range(frames)]).astype(np.float32)
        data = xr.Dataset(
            {"u": (("time", "x"), u, {"units": "m s-1"}), "amplitude": ((), 1.0 + run)},
            {"time": ("time", 0.1 * np.arange(frames), {"units": "s"}), "x": ("x", x, {"units": "m"})},
        )
        paths.append(folder / f"run_{run}.nc")
        data.to_netcdf(paths[-1])
    return paths


def contents(store: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {str(path.relative_to(store)): path.read_bytes() for path in sorted(store.rglob("*")) if path.is_file()}
