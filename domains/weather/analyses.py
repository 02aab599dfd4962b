"""Analyses, reanalyses and model output as they are published, as one Dataset with one set of names.

Dimensions are `number` (members), `time`, `level` (hPa, or numbers of model levels), `latitude` (south first) and
`longitude` (rising). They are found by CF attributes first and by common names after that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from humboldt.data_catalog import DataError, parse_units, rename_with_chunks

from .joining import beside, check_times, joined
from .lexicon import conversion, quantity
from .sources import on_dask, open_files

NAMES = {
    "latitude": ("latitude", "lat", "nav_lat", "y_lat"),
    "longitude": ("longitude", "lon", "nav_lon", "long"),
    "time": ("time", "valid_time", "Time", "t", "datetime", "init_time"),
    "level": ("level", "lev", "plev", "pressure_level", "isobaricInhPa", "isobaricInPa", "pressure", "height_level",
              "model_level", "hybrid", "sigma"),
    "number": ("number", "realization", "member", "ensemble", "ens", "sample"),
}  # fmt: skip
NORTH, EAST = ("degrees_north", "degree_north", "degrees_N"), ("degrees_east", "degree_east", "degrees_E")
PRESSURE_NAMES = ("level", "plev", "pressure_level", "isobaricInhPa", "isobaricInPa", "pressure")


def open_analyses(source: Any, *, dims: Mapping[str, str] | None = None, west: float | int | None = None) -> xr.Dataset:
    """Open one or many files, a Zarr store, or an xarray object; values are read when they are asked for.

    Forecasts of one step (of GRIB, of `forecast`) stand under the time that they are of, their `valid_time`.

    Args:
        source: a path, a pattern with `*`, a folder of files, a URL, a list of them, or an xarray object. Files with
            the same variables are joined in time, files with other variables are put beside them.
        dims: {role: name in the file} for coordinates that are not recognised.
        west: longitude at which the first column of a global grid shall stand, such as -180; as it is by default.

    Raises:
        FileNotFoundError: there is no such file.
        DataError: coordinates that are not found, times out of order, twice, or of several calendars; other rules.
        ImportError: a GRIB file without cfgrib; names the extra.
    """
    return on_dask(open_lazily(source, dims=dims, west=west))


def open_lazily(source: Any, *, dims: Mapping[str, str] | None = None, west: float | int | None = None) -> xr.Dataset:
    """The same for reading state by state: where the format allows it values come from the chunks of the file straight,
    without dask between; reducing a variable would read all of it at once."""
    parts = [canonical(part, dims or {}) for part in open_files(source)]
    groups: dict[frozenset[str], list[xr.Dataset]] = {}
    for part in parts:
        groups.setdefault(frozenset(map(str, part.data_vars)), []).append(part)
    data = beside([joined(group) for group in groups.values()])
    if "time" in data.dims:
        check_times(data["time"])
    return data if west is None else starting_at(data, west)


def canonical(data: xr.Dataset, dims: Mapping[str, str], more: Sequence[str] = ()) -> xr.Dataset:
    """One Dataset with canonical names, order of rows and columns, levels and times; `more` dimensions come first."""
    data = _with_its_level(_placed(_without_bounds(data), dims), dims)
    data = data if "time" in dims else _under_valid_times(data)
    vertical = dims.get("level") or _find(data, "level")
    for role in NAMES:
        name = dims.get(role) or _find(data, role)
        if name is not None and name != role:
            data = rename_with_chunks(data.drop_vars(role, errors="ignore"), {name: role})
    if not {"latitude", "longitude"} <= set(data.dims):
        raise DataError(
            f"weather data have dimensions for latitude and longitude, got {sorted(map(str, data.dims))}; name them "
            "with dims={'latitude': ..., 'longitude': ...}, or interpolate a rotated or projected grid to parallels "
            "and meridians first"
        )
    extra = [d for d in data.dims if d not in (*NAMES, *more)]
    if wide := [d for d in extra if data.sizes[d] > 1]:
        raise DataError(
            f"weather data have the dimensions {list(NAMES)}, got {wide} beside them; select one, as in "
            f"data.isel({wide[0]}=0), or name its role with dims={{...}}"
        )
    data = data.squeeze(extra, drop=True) if extra else data
    keep = [c for c in data.coords if c not in data.dims]
    data = _in_degrees(_decoded(data.drop_vars([c for c in keep if c != "time"])))
    if "time" in data.coords and "time" not in data.dims:
        data = on_dask(data).expand_dims("time")
    order = [*more, "number", "time", "level", "latitude", "longitude"]
    turned = [n for n, v in data.data_vars.items() if list(v.dims) != [d for d in order if d in v.dims]]
    data = data.assign(on_dask(data[turned]).data_vars)
    return _levels(_ordered(data), vertical).transpose(*order, missing_dims="ignore")


def starting_at(data: xr.Dataset, west: float | int) -> xr.Dataset:
    """Columns of a global grid rolled so that they begin at `west` or just east of it."""
    longitude = (data["longitude"].values - west) % 360 + west
    longitude = np.where(longitude > west + 360 - 1e-6, longitude - 360, longitude)
    first = int(longitude.argmin())
    data = data.assign_coords(longitude=("longitude", longitude, data["longitude"].attrs))
    return data.isel(longitude=np.roll(np.arange(len(longitude)), -first))


def _without_bounds(data: xr.Dataset) -> xr.Dataset:
    named = {v.attrs.get(key) for v in data.variables.values() for key in ("bounds", "climatology")}
    return data.drop_vars([name for name in data.variables if name in named])


def _placed(data: xr.Dataset, dims: Mapping[str, str]) -> xr.Dataset:
    """Without what is no field (dates as numbers, coefficients of levels), and without dimensions of that alone."""
    place = {dims.get(role) or _find(data, role) for role in ("latitude", "longitude")}
    fields = {name: v for name, v in data.data_vars.items() if place <= {*v.dims}}
    used = {d for v in fields.values() for d in v.dims}
    if not fields:
        return data
    return data.drop_vars([n for n in data.data_vars if n not in fields]).drop_dims(
        [d for d in data.dims if d not in used]
    )


def _find(data: xr.Dataset, role: str) -> str | None:
    """The dimension coordinate of a role: by attributes, else by name."""
    candidates = {str(d): data[d].attrs if d in data.variables else {} for d in data.dims}
    marks: dict[str, Callable[[dict[Any, Any]], bool]] = {
        "latitude": lambda a: a.get("standard_name") == "latitude" or a.get("units") in NORTH,
        "longitude": lambda a: a.get("standard_name") == "longitude" or a.get("units") in EAST,
        "time": lambda a: a.get("standard_name") == "time" or a.get("axis") == "T" or " since " in str(a.get("units")),
        "level": lambda a: _in_hectopascals(a) is not None or a.get("axis") == "Z" or "positive" in a,
        "number": lambda a: a.get("standard_name") == "realization" or a.get("axis") == "E",
    }  # fmt: skip
    by_marks = [name for name, attrs in candidates.items() if marks[role](attrs)]
    by_names = [name for name in NAMES[role] if name in candidates]
    return next(iter([*by_marks, *by_names]), None)


def _in_hectopascals(attrs: Mapping[Any, Any]) -> float | None:
    """What brings a coordinate with these attributes to hPa; None where it is not said to be a pressure."""
    if _is_parametric(attrs):
        return None
    try:
        return conversion(str(attrs.get("units", "")).strip(), "hPa")[0]
    except DataError:
        return 1.0 if attrs.get("standard_name") == "air_pressure" else None


def _is_parametric(attrs: Mapping[Any, Any]) -> bool:
    """Whether levels follow the ground (CF, parametric vertical coordinates), also where they are counted in hPa."""
    return str(attrs.get("standard_name", "")).startswith("atmosphere_")


def _with_its_level(data: xr.Dataset, dims: Mapping[str, str]) -> xr.Dataset:
    """What is left of a selection of one level keeps it, but for fields that have none (pressure at sea level)."""
    wanted = (*([dims["level"]] if "level" in dims else []), *NAMES["level"])
    names = [n for n in wanted if n in data.coords and data[n].ndim == 0]
    if _find(data, "level") or not names or not np.issubdtype(data[names[0]].dtype, np.number):
        return data
    known = {n: quantity(str(n), str(v.attrs.get("standard_name", "")), True) for n, v in data.data_vars.items()}
    deep = [n for n, of in known.items() if of is None or not of.surface]
    return data.drop_vars(names[0]).assign(on_dask(data[deep]).expand_dims(names[0]).data_vars)


def _under_valid_times(data: xr.Dataset) -> xr.Dataset:
    """Forecasts under the times that they are of, not under those at which they began, where the data say both."""
    along = _find(data, "time")
    for name in [n for n in data.coords if n not in (*data.dims, "time")]:
        times, dims = data[name].variable, () if along is None else (along,)
        told = name == "valid_time" or times.attrs.get("standard_name") == "time"
        several = {d for d in times.dims if data.sizes[d] > 1}
        if told and several <= {*dims} and times.size == data.sizes.get(along, 1):
            valid = xr.Variable(dims, times.values.reshape([times.size] * len(dims)), times.attrs)
            return data.drop_vars([name, "time"], errors="ignore").assign_coords({along or "time": valid})
    return data


def _in_degrees(data: xr.Dataset) -> xr.Dataset:
    """Places that are said to be in radians, in degrees."""
    for name, to in (("latitude", "north"), ("longitude", "east")):
        place = data[name]
        if str(place.attrs.get("units", "")).lower().startswith("rad"):
            attrs = {**place.attrs, "units": f"degrees_{to}"}
            data = data.assign_coords({name: (name, np.rad2deg(place.values.astype(float)), attrs)})
    return data


def _decoded(data: xr.Dataset) -> xr.Dataset:
    """Times as dates, of any calendar; `begin_date` and `begin_time` where units are missing."""
    if "time" not in data.coords:
        if "time" in data.dims:
            raise DataError(
                f"every state has a time, got {data.sizes['time']} without a coordinate; name them, as in "
                "data.assign_coords(time=pandas.date_range('2000-01-01', periods=..., freq='6h'))"
            )
        return data
    time = data["time"]
    if time.dtype.kind in "US" or (time.dtype == object and isinstance(time.values.flat[0], str | bytes)):
        raise DataError(
            f"times are dates, got text such as {time.values.flat[0]!r}; convert it, as in "
            "data.assign_coords(time=pandas.to_datetime(data.time))"
        )
    if not np.issubdtype(time.dtype, np.number):
        return data
    units = str(time.attrs.get("units", ""))
    if "since" not in units and "begin_date" in time.attrs:
        day = f"{int(time.attrs['begin_date']):08d}"
        minutes = int(time.attrs.get("begin_time", 0))
        start = f"{day[:4]}-{day[4:6]}-{day[6:]} {minutes // 60:02d}:{minutes % 60:02d}:00"
        time = time.assign_attrs(units=f"minutes since {start}")
    elif "since" not in units:
        raise DataError(
            f"a time coordinate counts from a date, as in 'hours since 2000-01-01', got units {units!r}; set "
            "data.time.attrs['units']"
        )
    kept = {k: v for k, v in time.attrs.items() if k in ("units", "calendar")}
    coordinate = xr.Dataset(coords={"time": ("time" if time.ndim else (), time.values, kept)})
    return data.assign_coords(time=xr.decode_cf(coordinate)["time"])


def _ordered(data: xr.Dataset) -> xr.Dataset:
    """South first, longitudes rising without a seam, no cyclic column."""
    if data.sizes["latitude"] > 1 and float(data["latitude"][0]) > float(data["latitude"][-1]):
        data = data.isel(latitude=slice(None, None, -1))
    longitude = data["longitude"].values.astype(float)
    drops = np.concatenate([[0], np.diff(longitude) < 0]).cumsum()
    if drops[-1] > 1:
        raise DataError(
            f"longitudes rise, once around at most, got {longitude[:5].tolist()} ...; sort the columns, as in "
            "data.sortby('longitude')"
        )
    longitude = longitude + 360 * drops
    gaps = np.diff(longitude)
    if len(gaps) and gaps.max() > 180:  # a region that crosses the dateline, in two pieces
        first = int(gaps.argmax()) + 1
        longitude = np.concatenate([longitude[first:], longitude[:first] + 360])
        once = np.concatenate([[True], np.diff(longitude) > 1e-3])
        order = np.roll(np.arange(len(longitude)), -first)[once]
        data, longitude = data.isel(longitude=order), longitude[once]
    data = data.assign_coords(longitude=("longitude", longitude, data["longitude"].attrs))
    return data.isel(longitude=slice(None, -1)) if longitude[-1] - longitude[0] > 360 - 1e-3 else data


def _levels(data: xr.Dataset, name: str | None) -> xr.Dataset:
    """Pressure in hPa, or numbers of model levels; the attribute `kind` says which."""
    if "level" not in data.dims:
        return data
    if "level" not in data.coords:
        return data.assign_coords(level=("level", np.arange(data.sizes["level"]) + 1.0, {"kind": "model"}))
    level, values = data["level"], data["level"].values.astype(float)
    units, factor = str(level.attrs.get("units", "")), _in_hectopascals(level.attrs)
    unsaid = not parse_units(units) and level.attrs.get("kind", "hPa") == "hPa" and not _is_parametric(level.attrs)
    if factor is None and unsaid and name in PRESSURE_NAMES:
        factor = 1.0
    if factor is not None:
        values = values * (0.01 if not units and values.max() > 2000 else factor)
    kind = "model" if factor is None else "hPa"
    attrs = {"kind": kind, "units": "1" if factor is None else "hPa"}
    return data.assign_coords(level=("level", values.round(9), attrs))
