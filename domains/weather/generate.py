"""Simulated states of the atmosphere as a CF Zarr store: resumable, never half-written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from tqdm import tqdm

from humboldt.data_catalog import DataError, Growing, differences, require_room

from .held_suarez import LEVELS, drawn_climate
from .held_suarez import simulate as simulate_held_suarez
from .shallow_water import LEVEL, drawn_flow
from .shallow_water import simulate as simulate_shallow_water
from .simulation import gaussian_grid

START = np.datetime64("2001-01-01", "ns")
NAMES = {
    "msl": ("air_pressure_at_mean_sea_level", "Pa", "mean sea level pressure"),
    "t2m": ("air_temperature", "K", "air temperature of the lowest layer"),
    "u10": ("eastward_wind", "m s-1", "eastward wind of the lowest layer"),
    "v10": ("northward_wind", "m s-1", "northward wind of the lowest layer"),
    "orog": ("surface_altitude", "m", "height of the ground"),
    "z": ("geopotential", "m2 s-2", "geopotential"),
    "t": ("air_temperature", "K", "air temperature"),
    "u": ("eastward_wind", "m s-1", "eastward wind"),
    "v": ("northward_wind", "m s-1", "northward wind"),
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a store holds: `samples` runs of `days`, after `spin_up` days, every `every` hours."""

    samples: int = 6
    days: int = 60
    spin_up: int = 50
    every: float = 3.0
    rows: int = 48
    seed: int = 0

    def __post_init__(self) -> None:
        gaussian_grid(self.rows)
        for name, rule, holds in self.rules():
            if not holds:
                raise DataError(f"{name} {rule}, got {getattr(self, name)}; choose another")

    def rules(self) -> list[tuple[str, str, bool]]:
        """(field, rule, whether it holds)."""
        return [
            ("samples", "is at least 1", self.samples >= 1),
            ("days", "is at least 1", self.days >= 1),
            ("spin_up", "is a multiple of 10 days", self.spin_up >= 0 and self.spin_up % 10 == 0),
            ("every", "is a whole number of hours that divides a day", self.every in (1, 2, 3, 4, 6, 8, 12, 24)),
        ]

    @property
    def times(self) -> np.ndarray:
        """Of the states; the year is only a label, there are no seasons."""
        count = round(self.days * 24 / self.every)
        return START + np.arange(1, count + 1) * np.timedelta64(round(self.every), "h")

    @property
    def run(self) -> dict[str, Any]:
        """What a simulation of one run is told."""
        return {name: value for name, value in asdict(self).items() if name not in ("samples", "seed")}


@dataclass(frozen=True, kw_only=True)
class LayeredPlan(Plan):
    """Runs of a model with layers."""

    layers: int = 8

    def rules(self) -> list[tuple[str, str, bool]]:
        """Also of the layers."""
        return [*super().rules(), ("layers", "is at least 4", self.layers >= 4)]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of simulation.

    Attributes:
        name: of its command.
        title: one line.
        source: where the equations come from.
        plan: its type.
        flat, deep: names of the fields without and with levels.
        levels: pressure, hPa.
        drawn: (seed, number) to what distinguishes a run.
        simulate: that, and the fields of the plan, to states.
    """

    name: str
    title: str
    source: str
    plan: type[Plan]
    flat: tuple[str, ...]
    deep: tuple[str, ...]
    levels: tuple[float, ...]
    drawn: Callable[[int, int], Any]
    simulate: Callable[..., Iterator[dict[str, np.ndarray]]]

    def size(self, plan: Plan) -> int:
        """Bytes before compression."""
        fields = len(self.flat) + len(self.deep) * len(self.levels)
        return 4 * plan.samples * len(plan.times) * fields * 2 * plan.rows**2


HELD_SUAREZ = Kind(
    name="held-suarez",
    title="Held-Suarez simulations with drawn climates and orographies",
    source="dinosaur (Apache-2.0), primitive equations; forcing of Held and Suarez, BAMS 75, 1825 (1994)",
    plan=LayeredPlan,
    flat=("msl", "t2m", "u10", "v10"),
    deep=("z", "t", "u", "v"),
    levels=LEVELS,
    drawn=drawn_climate,
    simulate=simulate_held_suarez,
)
SHALLOW_WATER = Kind(
    name="shallow-water",
    title="shallow water on the sphere, relaxed to drawn jets over drawn orographies",
    source="dinosaur (Apache-2.0), shallow water equations, one layer with a mean depth of 5.5 km",
    plan=Plan,
    flat=(),
    deep=("z", "u", "v"),
    levels=LEVEL,
    drawn=drawn_flow,
    simulate=simulate_shallow_water,
)


def held_suarez(output: str | Path, **options: Any) -> Path:
    """Runs of a dry general circulation model under drawn climates (see `generated`)."""
    return generated(HELD_SUAREZ, output, **options)


def shallow_water(output: str | Path, **options: Any) -> Path:
    """Runs of one layer of shallow water with drawn jets (see `generated`)."""
    return generated(SHALLOW_WATER, output, **options)


def generated(
    kind: Kind,
    output: str | Path,
    *,
    overwrite: bool = False,
    dry_run: bool = False,
    progress: bool = True,
    **plan: Any,
) -> Path:
    """Simulate runs and write them to the Zarr store `output`, one member after the other.

    Until it is finished the store is `<output>.partial`; the same call continues an interrupted one with the first
    unfinished member, and ends with the same numbers.

    Args:
        kind: of simulation.
        output: folder of the store.
        overwrite: replace what is there.
        dry_run: print what would be made.
        progress: show a bar of simulated days.
        plan: fields of the kind's plan.

    Raises:
        FileExistsError: the store, or the unfinished one, was made with other arguments.
        DataError: a value that breaks a rule.
        ModuleNotFoundError: dinosaur is not installed.
    """
    output, wanted = Path(output), kind.plan(**plan)
    if dry_run:
        print(summary(kind, wanted, output))
        return output
    if output.exists() and _is_there(output, wanted, overwrite):
        return output
    growing = Growing(output=output, plan=asdict(wanted))
    with growing.begun(overwrite) as goes_on:
        if not goes_on:
            require_room(kind.size(wanted), output, "free space, or simulate fewer members or days")
            _lay_out(growing.store, kind, wanted)
            growing.note("plan.json", growing.plan)
        done = growing.journal.read().get("members", 0)
        days = {"total": wanted.samples * wanted.days, "initial": done * wanted.days}
        with tqdm(**days, unit="day", disable=not progress) as bar:
            for number in range(done, wanted.samples):
                _write_member(growing.store, kind, wanted, number, bar)
                growing.journal.add({"members": number + 1})
        growing.publish()
    return output


def summary(kind: Kind, plan: Plan, output: Path) -> str:
    """What a call would make, for reading."""
    return "\n".join(
        [
            f"{kind.name}: {kind.title}",
            f"  variables   {', '.join((*kind.flat, *kind.deep, 'orog'))}; {', '.join(kind.deep)} on "
            f"{', '.join(f'{v:g}' for v in kind.levels)} hPa",
            f"  shape       {plan.samples} x {len(plan.times)} x {plan.rows} x {2 * plan.rows} "
            "(number, time, latitude, longitude), float32",
            f"  times       every {plan.every:g} h over {plan.days} days, after {plan.spin_up} days",
            f"  seed        {plan.seed}",
            f"  output      {output}",
            f"  size        {kind.size(plan) / 1e6:.1f} MB before compression",
        ]
    )


def _lay_out(store: Path, kind: Kind, plan: Plan) -> None:
    """An empty store with coordinates and attributes."""
    import dask.array as da

    grid, levels = gaussian_grid(plan.rows), {"level": len(kind.levels)}
    sizes = {"number": plan.samples, "time": len(plan.times)}
    place = {"latitude": plan.rows, "longitude": 2 * plan.rows}
    made = {}
    for name in (*kind.flat, *kind.deep, "orog"):
        standard, units, long = NAMES[name]
        dims = sizes | (levels if name in kind.deep else {}) | place
        dims.pop("time") if name == "orog" else None
        chunks = tuple({"number": 1, "time": 40}.get(d, n) for d, n in dims.items())
        empty = da.empty(tuple(dims.values()), chunks=chunks, dtype=np.float32)
        attrs = {"standard_name": standard, "units": units, "long_name": long}
        made[name] = (tuple(dims), empty, attrs, {"_FillValue": np.float32(np.nan)})
    axes = {"standard_name": "time", "axis": "T"}
    coords: dict[str, Any] = {
        "number": ("number", np.arange(plan.samples), {"standard_name": "realization", "units": "1"}),
        "time": ("time", plan.times, axes, {"units": "hours since 2001-01-01", "dtype": "float64"}),
        "level": ("level", list(kind.levels), {"standard_name": "air_pressure", "units": "hPa", "positive": "down"}),
        "latitude": ("latitude", list(grid.latitude), {"standard_name": "latitude", "units": "degrees_north"}),
        "longitude": ("longitude", list(grid.longitude), {"standard_name": "longitude", "units": "degrees_east"}),
    }
    about = {
        "Conventions": "CF-1.10",
        "title": kind.title,
        "source": kind.source,
        "license": "CC0-1.0",
        "plan": json.dumps(asdict(plan)),
        "climates": json.dumps([asdict(kind.drawn(plan.seed, n)) for n in range(plan.samples)]),
    }
    xr.Dataset(made, coords, about).to_zarr(store, compute=False, consolidated=False, mode="w")


def _write_member(store: Path, kind: Kind, plan: Plan, number: int, bar: Any) -> None:
    place, series = 0, kind.simulate(kind.drawn(plan.seed, number), **plan.run, seed=plan.seed + number)
    for fields in series:
        count = len(fields["z"])
        region = {"number": slice(number, number + 1), "time": slice(place, place + count)}
        moving = {n: (_dims(kind, n), x[None]) for n, x in fields.items() if n != "orog"}
        xr.Dataset(moving).to_zarr(store, region=region, consolidated=False)
        if place == 0:
            ground = xr.Dataset({"orog": (("number", "latitude", "longitude"), fields["orog"][None, 0])})
            ground.to_zarr(store, region={"number": region["number"]}, consolidated=False)
        place += count
        bar.update(count * plan.every / 24)


def _dims(kind: Kind, name: str) -> tuple[str, ...]:
    return ("number", "time", *(["level"] if name in kind.deep else []), "latitude", "longitude")


def _is_there(store: Path, plan: Plan, overwrite: bool) -> bool:
    """Whether the output is there already, made by the same plan. Refuses an output that is something else."""
    try:
        with xr.open_zarr(store, consolidated=False) as data:
            before = json.loads(data.attrs["plan"])
    except (OSError, ValueError, KeyError) as error:
        raise FileExistsError(
            f"an output is new or a store of the same simulation, got {store}; choose another name"
        ) from error
    if before != asdict(plan) and not overwrite:
        raise FileExistsError(
            f"an existing output is kept unless it comes from the same arguments, got {store}"
            f"{differences(before, asdict(plan))}; repeat those, choose another name or overwrite=True"
        )
    return not overwrite
