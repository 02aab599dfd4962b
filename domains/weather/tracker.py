"""Where storms are and where they go: centres of low pressure with vorticity and wind around them, joined to tracks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from humboldt.data_catalog import DataError

from .columns import meaning
from .data import open_weather
from .dataset import WeatherDataset
from .grid import Grid
from .lexicon import conversion
from .sources import open_files
from .time import hours_between

RADIUS = 6371.0  # km
PLACES = ("track", "time", "latitude", "longitude", "pressure", "wind")
COLUMNS = ("track", "time", "hours", "latitude", "longitude", "pressure", "vorticity", "wind")


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """What makes a low a storm, and two lows one track.

    Attributes:
        radius: within which the centre is the lowest point, and winds and vorticity belong to it, km.
        depth: by which the centre lies below the mean within twice the radius, Pa.
        vorticity: least cyclonic vorticity within the radius (positive in the north, negative in the south), s-1.
        wind: least highest wind speed within the radius, m s-1.
        speed: highest speed of a centre, km h-1.
    """

    radius: float = 400.0
    depth: float = 200.0
    vorticity: float = 3e-5
    wind: float = 8.0
    speed: float = 110.0

    def __post_init__(self) -> None:
        for name in ("radius", "speed"):
            if not getattr(self, name) > 0:
                raise DataError(f"{name} is positive, got {getattr(self, name)}; choose kilometres (per hour)")


def track(source: Any, criteria: Criteria | None = None, *, member: int = 0, steps: int = 2) -> pd.DataFrame:
    """Tracks of all storms in analyses or in a forecast, one row a track and time.

    Args:
        source: what `open_weather` takes, with pressure at sea level and both winds near the ground (else on 850 hPa);
            a forecast with one start, also one that was written, is followed along its lead times.
        criteria: of storms.
        member: of an ensemble.
        steps: times that a track has at least.

    Returns:
        Columns `track`, `time`, `hours` (since the first time), `latitude`, `longitude`, `pressure` (Pa), `vorticity`
        (s-1), `wind` (m s-1).

    Raises:
        DataError: a variable is missing or in units of another kind, or there is no such member.
    """
    wanted, data = criteria or Criteria(), _opened(source)
    places = _places(data)
    if not 0 <= member < (members := data.data.sizes.get("number", 1)):
        raise DataError(f"members are counted from 0, the data have {members}, got member={member}; choose one of them")
    tracks: list[list[dict[str, Any]]] = []
    for frame, time in enumerate(data.times):
        state = data.state(frame, member).astype(np.float64)
        pressure, u, v = (factor * state[i] + offset for i, (factor, offset) in places)
        found = centres(pressure, u, v, data.grid, wanted)
        hours = hours_between(data.times[0], time)
        before = hours_between(data.times[0], data.times[frame - 1]) if frame else hours
        _join(tracks, [{"time": time, "hours": hours, **c} for c in found], wanted.speed, before)
    kept = [t for t in tracks if len(t) >= steps]
    rows = [{"track": number, **row} for number, t in enumerate(kept) for row in t]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def centres(
    pressure: np.ndarray, u: np.ndarray, v: np.ndarray, grid: Grid, criteria: Criteria
) -> list[dict[str, float]]:
    """Storms of one time, deepest first; the centre is that of a paraboloid through the lowest point's neighbours."""
    latitude, longitude = np.asarray(grid.latitude), np.asarray(grid.longitude)
    turning, speed = vorticity(u, v, grid), np.hypot(u, v)
    made = []
    for row, column in _lowest(pressure, grid.periodic):
        away = distance(latitude[row], longitude[column], latitude[:, None], longitude[None, :])
        near, wide = away <= criteria.radius, away <= 2 * criteria.radius
        sign = 1.0 if latitude[row] >= 0 else -1.0
        strongest = np.nanmax(np.where(near, sign * turning, np.nan), initial=-np.inf)
        wind = np.nanmax(np.where(near, speed, np.nan), initial=-np.inf)
        is_lowest = pressure[row, column] <= np.nanmin(np.where(near, pressure, np.nan))
        depth = np.nanmean(np.where(wide, pressure, np.nan)) - pressure[row, column]
        if is_lowest and depth >= criteria.depth and strongest >= criteria.vorticity and wind >= criteria.wind:
            place = _refined(pressure, row, column, latitude, longitude, grid.periodic)
            made.append(place | {"vorticity": sign * float(strongest), "wind": float(wind)})
    return _apart(sorted(made, key=lambda c: c["pressure"]), criteria.radius)


def _apart(found: list[dict[str, float]], radius: float) -> list[dict[str, float]]:
    """The centres without those that lie within the radius of a deeper one (two points may be equally low)."""
    kept: list[dict[str, float]] = []
    for c in found:
        places = ((k["latitude"], k["longitude"]) for k in kept)
        if all(distance(c["latitude"], c["longitude"], *place) > radius for place in places):
            kept.append(c)
    return kept


def vorticity(u: np.ndarray, v: np.ndarray, grid: Grid) -> np.ndarray:
    """dv/dx - du/dy + u tan(latitude) / radius in s-1, centred differences; at the poles that of the next row."""
    latitude, longitude = np.deg2rad(grid.latitude), np.deg2rad(grid.longitude)
    cosine = np.clip(np.cos(latitude), 1e-3, None)[:, None]
    if grid.periodic:
        step = longitude[1] - longitude[0]
        dv = (np.roll(v, -1, -1) - np.roll(v, 1, -1)) / (2 * step)
    else:
        dv = np.gradient(v, longitude, axis=-1)
    du = np.gradient(u * cosine, latitude, axis=-2)
    made = (dv - du) / (RADIUS * 1000 * cosine)
    for pole, neighbour in ((0, 1), (-1, -2)):
        if abs(grid.latitude[pole]) > 89.9:
            made[..., pole, :] = made[..., neighbour, :]
    return made


def distance(latitude: Any, longitude: Any, to_latitude: Any, to_longitude: Any) -> np.ndarray:
    """Great-circle distance of places in degrees, km (haversine)."""
    a, b = np.deg2rad(latitude), np.deg2rad(to_latitude)
    half = np.sin((b - a) / 2) ** 2
    turn = np.sin(np.deg2rad(np.asarray(to_longitude) - longitude) / 2) ** 2
    return np.asarray(2 * RADIUS * np.arcsin(np.sqrt(np.clip(half + np.cos(a) * np.cos(b) * turn, 0, 1))))


def track_errors(forecast: pd.DataFrame, truth: pd.DataFrame, reach: float = 600.0) -> pd.DataFrame:
    """Errors of forecast storms, a row for every storm and time that both have.

    Every true track is matched with the forecast track that is nearest at the first time they share, if that is within
    `reach` km.

    Args:
        forecast: of `track`.
        truth: of `track`, or the best tracks of an archive with columns `track`, `time`, `latitude`, `longitude`,
            `pressure` (Pa) and `wind` (m s-1).
        reach: km.

    Returns:
        Columns `track` (the true one), `time`, `hours`, `distance` (km), `pressure` (Pa) and `wind` (m s-1, forecast
        less truth).

    Raises:
        DataError: a table without one of these columns.
    """
    for table, needed in ((forecast, (*PLACES, "hours")), (truth, PLACES)):
        if missing := [name for name in needed if name not in table]:
            raise DataError(
                f"tracks have the columns {list(needed)}, got a table without {missing}; make it with track(...), or "
                "rename its columns"
            )
    rows = []
    for number, storm in truth.groupby("track"):
        best = None
        for _, other in forecast.groupby("track"):
            both = storm.merge(other.add_suffix("_forecast"), left_on="time", right_on="time_forecast")
            if len(both):
                first = both.iloc[0]
                start = float(distance(first["latitude"], first["longitude"], first["latitude_forecast"],
                                       first["longitude_forecast"]))  # fmt: skip
                if start <= reach and (best is None or start < best[0]):
                    best = (start, both)
        if best is not None:
            both = best[1]
            away = distance(*(both[n].to_numpy() for n in ("latitude", "longitude", "latitude_forecast",
                                                           "longitude_forecast")))  # fmt: skip
            rows.append(
                pd.DataFrame(
                    {
                        "track": number,
                        "time": both["time"],
                        "hours": both["hours_forecast"],
                        "distance": away,
                        "pressure": both["pressure_forecast"] - both["pressure"],
                        "wind": both["wind_forecast"] - both["wind"],
                    }
                )
            )
    names = ["track", "time", "hours", "distance", "pressure", "wind"]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=names)


def _opened(source: Any) -> WeatherDataset:
    if isinstance(source, WeatherDataset):
        return source
    if isinstance(source, str | os.PathLike):
        source = open_files(source)
        if len(source) == 1 and "lead_time" in source[0].dims:  # a forecast that was written
            source = xr.decode_cf(source[0], decode_timedelta=False)
    if isinstance(source, xr.Dataset) and "lead_time" in source.dims:
        if source.sizes.get("init_time", 1) != 1:
            raise DataError(
                f"a forecast is followed from one start, got {source.sizes['init_time']}; select one, as in "
                "forecast.isel(init_time=[0])"
            )
        valid = source["valid_time"].values.ravel()
        source = source.isel(init_time=0, drop=True).drop_vars("valid_time").rename(lead_time="time")
        source = source.assign_coords(time=("time", valid))
    return open_weather(source, input_times=1, lead_times=[0], targets=False)


def _places(data: WeatherDataset) -> list[tuple[int, tuple[float, float]]]:
    """Where the pressure and the winds stand among the channels, and what brings them to Pa and m s-1."""
    known = {meaning(c)[:2]: i for i, c in reversed([*enumerate(data.channels)])}
    made, winds = [], ((("10u", None), ("u", 850.0)), (("10v", None), ("v", 850.0)))
    for choices, units in (((("msl", None),), "Pa"), (winds[0], "m s-1"), (winds[1], "m s-1")):
        there = [known[c] for c in choices if c in known]
        if not there:
            raise DataError(
                f"storms are found by pressure at sea level and winds near the ground or on 850 hPa, there is no "
                f"{choices[0][0]} among {[c.name for c in data.channels]}; open data that have it"
            )
        channel = data.channels[there[0]]
        made.append((there[0], conversion(channel.units, units, name=channel.name)))
    return made


def _lowest(pressure: np.ndarray, closed: bool) -> Sequence[tuple[int, int]]:
    """Inner points no higher than their eight neighbours and lower than one; points without a value are none."""
    x = np.where(np.isfinite(pressure), pressure, np.inf)
    wide = np.pad(x, 1, constant_values=-np.inf)
    if closed:
        wide[1:-1, 0], wide[1:-1, -1] = x[:, -1], x[:, 0]
    rows, columns = x.shape
    around = [wide[1 + i : 1 + i + rows, 1 + j : 1 + j + columns] for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    low = np.isfinite(x) & np.all([x <= y for y in around], axis=0) & np.any([x < y for y in around], axis=0)
    return [(int(i), int(j)) for i, j in zip(*np.nonzero(low), strict=True)]


def _refined(
    pressure: np.ndarray, row: int, column: int, latitude: np.ndarray, longitude: np.ndarray, closed: bool
) -> dict[str, float]:
    """Place and pressure at the vertex of the parabolas along the row and the column."""
    columns = len(longitude)
    moves, lowest = [], float(pressure[row, column])
    for low, high in (
        (pressure[row - 1, column], pressure[row + 1, column]),
        (pressure[row, (column - 1) % columns], pressure[row, (column + 1) % columns]),
    ):
        curve = low + high - 2 * pressure[row, column]
        move = float(np.clip((low - high) / (2 * curve), -0.5, 0.5)) if np.isfinite(curve) and curve > 0 else 0.0
        lowest -= 0.5 * curve * move**2 if move else 0.0
        moves.append(move)
    step = float(np.median(np.diff(longitude)))
    return {
        "latitude": float(latitude[row] + moves[0] * np.median(np.diff(latitude))),
        "longitude": float(longitude[column] + moves[1] * step),
        "pressure": float(lowest),
    }


def _join(tracks: list[list[dict[str, Any]]], found: list[dict[str, Any]], speed: float, before: float) -> None:
    """Put every centre at the end of a track of the hours `before` that it can have come from, else begin one.

    The track is the one whose next place, if it goes on as it went, is nearest: so storms that meet keep their ways.
    """
    open_tracks = [t for t in tracks if t[-1]["hours"] == before]
    pairs = sorted(
        (float(distance(*_expected(t, c["hours"]), c["latitude"], c["longitude"])), i, j)
        for i, t in enumerate(open_tracks)
        for j, c in enumerate(found)
    )
    taken: set[int] = set()
    ended: set[int] = set()
    for _, i, j in pairs:
        last, c = open_tracks[i][-1], found[j]
        away = distance(last["latitude"], last["longitude"], c["latitude"], c["longitude"])
        if i not in ended and j not in taken and away <= speed * (c["hours"] - before):
            open_tracks[i].append(found[j])
            ended.add(i)
            taken.add(j)
    tracks.extend([c] for j, c in enumerate(found) if j not in taken)


def _expected(track: list[dict[str, Any]], hours: float) -> tuple[float, float]:
    """Latitude and longitude of a storm that moves on as between its last two times."""
    last = track[-1]
    if len(track) < 2:
        return last["latitude"], last["longitude"]
    first = track[-2]
    share = (hours - last["hours"]) / (last["hours"] - first["hours"])
    turn = (last["longitude"] - first["longitude"] + 180) % 360 - 180
    latitude = last["latitude"] + share * (last["latitude"] - first["latitude"])
    return float(np.clip(latitude, -90, 90)), last["longitude"] + share * turn
