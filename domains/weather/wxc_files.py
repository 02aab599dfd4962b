"""Data in the layout of the released Prithvi WxC loaders: daily MERRA-2 files, climatology, statistics."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from humboldt.data_catalog import DataError

from .climatology import PublishedClimatology
from .data import open_weather
from .dataset import WeatherDataset
from .variables import channels, static_channels

FILL = {"GWETROOT": 1.0, "LAI": 0.0}  # missing over water
SIGMA, VARIANCE, NEUTRAL = (1e-4, 1e4), (1e-7, 1e7), 7  # bounds, and entries before those of the surface fields


def open_wxc_files(
    folders: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    climatology: str | os.PathLike[str] | None,
    *,
    surface: Sequence[str] | None = None,
    vertical: Sequence[str] | None = None,
    levels: Sequence[float | int] | None = None,
    static: Sequence[str] | None = None,
    position: str = "fourier",
    without_north_pole: bool = True,
    **choices: Any,
) -> WeatherDataset:
    """Daily files `MERRA2_sfc_*.nc` and `MERRA_pres_*.nc` of one or several folders as samples of Prithvi WxC.

    Args:
        folders: that hold the files, in any arrangement.
        climatology: folder of the climatology files, or None.
        surface, vertical, levels, static: variables and model levels; those of the released model by default.
        position: kind of the static channels, `fourier` or `absolute`.
        choices: `input_steps`, `lead_times`, `targets`, `split` of `open_weather`.
    """
    many = [folders] if isinstance(folders, str | os.PathLike) else list(folders)
    chosen = {"surface": surface, "vertical": vertical, "levels": levels}
    return open_weather(
        [str(folder) for folder in many],
        channels=channels(**{k: tuple(v) for k, v in chosen.items() if v is not None}),  # type: ignore[arg-type]
        static=static_channels(position) if static is None else static_channels(position, tuple(static)),
        climatology=None if climatology is None else PublishedClimatology(climatology),
        without_north_pole=without_north_pole,
        fill=FILL,
        **choices,
    )


@dataclass(frozen=True)
class WxCStatistics:
    """Means, deviations and variances in channel order, bounded as the released model has them."""

    input_mean: np.ndarray
    input_std: np.ndarray
    output_variance: np.ndarray
    static_mean: np.ndarray
    static_std: np.ndarray


def read_wxc_statistics(
    folder: str | os.PathLike[str],
    surface: Sequence[str],
    vertical: Sequence[str],
    levels: Sequence[float | int],
    static: Sequence[str],
) -> WxCStatistics:
    """The files `musigma_{surface,vertical}.nc` and `anomaly_variance_{surface,vertical}.nc` of a climatology folder.

    Raises:
        DataError: a file, variable or level that is not there.
    """

    def table(name: str) -> xr.Dataset:
        path = Path(folder) / name
        if not path.is_file():
            raise DataError(f"statistics are read from {name}, which is not in {folder}; fetch it")
        with xr.open_dataset(path) as found:
            return found.load()

    def flat(kind: str, statistic: str | None) -> np.ndarray:
        one, many = table(f"{kind}_surface.nc"), table(f"{kind}_vertical.nc")
        if statistic is not None:
            one, many = (
                t.isel(statistic=[str(v) for v in t["statistic"].values].index(statistic)) for t in (one, many)
            )
        many = many.sel(lev=list(levels))
        return np.array([*(float(one[n]) for n in surface), *(v for n in vertical for v in many[n].values.tolist())])

    moments = table("musigma_surface.nc")
    names = [str(v) for v in moments["statistic"].values]
    fixed = {s: np.array([float(moments[n][names.index(s)]) for n in static]) for s in ("mu", "sigma")}
    return WxCStatistics(
        input_mean=flat("musigma", "mu"),
        input_std=flat("musigma", "sigma").clip(*SIGMA),
        output_variance=flat("anomaly_variance", None).clip(*VARIANCE),
        static_mean=np.concatenate([np.zeros(NEUTRAL), fixed["mu"]]),
        static_std=np.concatenate([np.ones(NEUTRAL), fixed["sigma"].clip(*SIGMA)]),
    )


def published_sample(data: WeatherDataset, time: Any, input_step: float | int, lead_time: float | int) -> int:
    """Index of the sample with this last state (any spelling of the time), hours between states, and lead time.

    Raises:
        DataError: there is none.
    """
    frame = {np.datetime64(t, "s"): i for i, t in enumerate(data.times)}.get(np.datetime64(time, "s"))
    for index, s in enumerate(data.samples):
        if s.inputs[-1] == frame and s.input_time == abs(input_step) and s.lead_time == lead_time:
            return index
    raise DataError(
        f"there is no sample with the last state {time}, {abs(input_step):g} h between states and {lead_time:g} h ahead"
    )
