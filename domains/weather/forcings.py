"""What is known of the future without a forecast: coordinates, calendar, sunshine, surface fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from humboldt.data_catalog import DataError, did_you_mean

from .channels import Channel
from .grid import Grid
from .time import day_of_year, hour_of_day

SOLAR_CONSTANT = 1361.0  # W m-2
KNOWN = (
    "latitude", "longitude", "sin_latitude", "cos_latitude", "sin_longitude", "cos_longitude",
    "cos_day_of_year", "sin_day_of_year", "cos_hour_of_day", "sin_hour_of_day", "toa_solar",
)  # fmt: skip


def static_fields(
    channels: Sequence[Channel], grid: Grid, time: Any, surface: Mapping[str, np.ndarray] | None = None
) -> np.ndarray:
    """The static channels at a time, (s, h, w) in float32.

    Coordinates are in radians. The day counts 2 pi day / 366 with day 1 on the first of January, the hour
    2 pi hour / 24, so they repeat exactly in the calendars of all models. `toa_solar` is the sunshine at the top
    of the atmosphere.

    Args:
        channels: names out of `KNOWN`, or of `surface`.
        surface: fields (h, w) by the name of their channel.

    Raises:
        DataError: a channel that is neither.
    """
    given, made = surface or {}, []
    for channel in channels:
        field = given[channel.name] if channel.name in given else _made(channel.name, grid, time)
        if field is None:
            raise DataError(
                f"a static channel is one of {list(KNOWN)} or a field of the data, got {channel.name!r}"
                f"{did_you_mean(channel.name, [*KNOWN, *given])}"
            )
        made.append(np.broadcast_to(np.asarray(field, dtype=np.float32), grid.shape))
    return np.stack(made) if made else np.zeros((0, *grid.shape), np.float32)


def _made(name: str, grid: Grid, time: Any) -> np.ndarray | float | None:
    if name not in KNOWN:
        return None
    latitude = np.deg2rad(np.asarray(grid.latitude, dtype=np.float32))[:, None]
    longitude = np.deg2rad(np.asarray(grid.longitude, dtype=np.float32))[None, :]
    if name == "toa_solar":
        return solar_irradiance(grid, time)
    waves = {"sin": np.sin, "cos": np.cos}
    places = {"latitude": latitude, "longitude": longitude}
    if name in places:
        return places[name]
    wave, _, angle = name.partition("_")
    if angle in places:
        return waves[wave](places[angle])
    angles = {"day_of_year": 2 * np.pi * day_of_year(time) / 366, "hour_of_day": 2 * np.pi * hour_of_day(time) / 24}
    return float(waves[wave](angles[angle]))


def solar_irradiance(grid: Grid, time: Any) -> np.ndarray:
    """S (r0 / r)^2 max(0, cos(zenith angle)) in W m-2, (h, w).

    Declination, distance and equation of time are the Fourier series of Spencer (1971, Search 2, 172), to about 0.3 %.
    The year of a calendar of 360 days is as long as its days say.
    """
    year = 360 if getattr(time, "calendar", "") == "360_day" else 365
    day = 2 * np.pi * (day_of_year(time) - 1 + hour_of_day(time) / 24) / year
    c, s = np.cos(day * np.arange(4)), np.sin(day * np.arange(4))
    declination = np.dot([0.006918, -0.399912, -0.006758, -0.002697], c) + np.dot([0, 0.070257, 0.000907, 0.00148], s)
    distance = np.dot([1.00011, 0.034221, 0.000719, 0], c) + np.dot([0, 0.00128, 0.000077, 0], s)
    minutes = 229.18 * (np.dot([0.000075, 0.001868, -0.014615, 0], c) + np.dot([0, -0.032077, -0.040849, 0], s))
    latitude, longitude = np.deg2rad(grid.latitude)[:, None], np.deg2rad(grid.longitude)[None, :]
    hour_angle = 2 * np.pi * (hour_of_day(time) + minutes / 60 - 12) / 24 + longitude
    height = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)
    return SOLAR_CONSTANT * distance * height.clip(min=0)
