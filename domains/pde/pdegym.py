"""File layouts of published collections, read as datasets with named dimensions: PDEgym, The Well, PDEBench."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import xarray as xr

from humboldt.data_catalog import DataError, did_you_mean, hdf5_variable, open_store, zarr_folder

from .pdebench import pdebench, pdebench_incompressible, pdebench_seeds
from .published_folders import ENDINGS, read_folder
from .well import the_well

VELOCITY = ("velocity_x", "velocity_y")
FLUID = ("density", *VELOCITY, "pressure")


@dataclass(frozen=True, kw_only=True)
class PDEgym:
    """One dataset of PDEgym (arXiv 2405.19101, supplement): axes [sample, time, channel, 128, 128], unnamed.

    Attributes:
        variable: that holds the states; channels: what its entries are, empty for a scalar.
        default: channels taken if none are asked for; empty for all.
        extra: further variables [sample, 128, 128] under the names of their channels.
        horizon: number of steps that make time 1; None for steady problems, which have `inputs` and `outputs`.
        offsets: subtracted from a channel (the mean pressure of compressible flows).
        density: of incompressible flows, which do not store it.
        swapped: the space axes are stored as (y, x).
        solid: channel that is 1 inside of a body, where the target is 1 by convention and does not count.
    """

    variable: str = "solution"
    channels: tuple[str, ...] = ()
    default: tuple[str, ...] = ()
    extra: Mapping[str, str] | None = None
    horizon: int | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    offsets: Mapping[str, float] | None = None
    density: float | None = None
    swapped: bool = False
    solid: str = ""
    periodic: bool = True
    scalar: str = "solution"
    validation: int = 120
    test: int = 240


def incompressible(*default: str, **choices: Any) -> PDEgym:
    """Velocity and (not taken by default) the tracer; density is 1."""
    channels = choices.pop("channels", (*VELOCITY, "tracer"))
    options = {"variable": "velocity", "horizon": 20, "density": 1.0, **choices}
    return PDEgym(channels=channels, default=("density", *VELOCITY, *default), **options)


def compressible(pressure: float, **choices: Any) -> PDEgym:
    """Density, velocity and pressure, from which a mean is taken; the fifth entry is not taken by default."""
    options = {"variable": "data", "horizon": 20, "offsets": {"pressure": pressure}, **choices}
    return PDEgym(channels=(*FLUID, "tracer"), default=FLUID, **options)


def wave(horizon: int) -> PDEgym:
    """Displacement, and the speed of sound, which does not change."""
    return PDEgym(scalar="displacement", extra={"c": "sound_speed"}, horizon=horizon, periodic=False, validation=60)


PDEGYM = {
    "NS-Sines": incompressible(),
    "NS-Gauss": incompressible(),
    "NS-PwC": incompressible(),
    "NS-BB": incompressible(),
    "NS-SVS": incompressible(),
    "NS-SL": incompressible(channels=VELOCITY, swapped=True),
    "NS-Tracer-PwC": incompressible("tracer"),
    "FNS-KF": incompressible("forcing", variable="solution", channels=VELOCITY),
    "CE-RP": compressible(0.215),
    "CE-CRP": compressible(0.553),
    "CE-KH": compressible(1.0),
    "CE-Gauss": compressible(2.513),
    "CE-RPUI": compressible(1.33),
    "CE-RM": compressible(0.0, variable="solution", validation=100, test=130),
    "GCE-RT": PDEgym(
        channels=(*FLUID, "component_4", "gravity"), default=(*FLUID, "gravity"),
        horizon=10, periodic=False, validation=100, test=130,
    ),
    "Wave-Layer": wave(20),
    "Wave-Gauss": wave(15),
    "ACE": PDEgym(scalar="phase", horizon=19, validation=60),
    "SE-AF": PDEgym(
        channels=("shape", "density"), inputs=("shape",), outputs=("density",), solid="shape", periodic=False
    ),
    "Poisson-Gauss": PDEgym(
        extra={"source": "source"}, inputs=("source",), outputs=("solution",), periodic=False
    ),
    "Helmholtz": PDEgym(
        variable="u", extra={"a": "a", "bc": "boundary"}, inputs=("a", "boundary"), outputs=("solution",),
        offsets={"a": 1.0}, periodic=False, validation=128, test=512,
    ),
}  # fmt: skip


def read_published(source: Any, layout: str | None = None) -> xr.Dataset | None:
    """The source under named dimensions if it has the layout of a published collection, else None.

    Raises:
        DataError: a `layout` that is not known, or that the source does not have.
    """
    if layout is not None and layout not in PDEGYM:
        raise DataError(f"layout is one of {', '.join(PDEGYM)}, got {layout!r}{did_you_mean(layout, list(PDEGYM))}")
    path = None if isinstance(source, xr.Dataset | xr.DataArray) else Path(str(source))
    if path is not None and path.suffix in ENDINGS and path.is_file():
        return read_hdf5(path)
    if path is not None and path.is_dir() and zarr_folder(path) is None:
        return read_folder(path, read_hdf5)
    name = layout or (path.stem if path is not None else "")
    if name not in PDEGYM or (layout is None and path is not None and not path.is_file()):
        return None
    data, entry = open_store(source), PDEGYM[name]
    if entry.variable not in data.data_vars:
        if layout is None:
            return None
        raise DataError(f"{layout} holds a variable {entry.variable!r}, got {list(data.data_vars)}; leave layout out")
    return pdegym(data, entry)


def pdegym(data: xr.Dataset, entry: PDEgym) -> xr.Dataset:
    """A PDEgym file under named dimensions."""
    space = ("y", "x") if entry.swapped else ("x", "y")
    steps = ("sample",) if entry.horizon is None else ("sample", "time")
    dims = (*steps, *(("channel",) if entry.channels else ()), *space)
    main = renamed(data[entry.variable].variable, entry.variable, dims)
    found = {entry.variable if entry.channels else entry.scalar: main}
    for name, channel in (entry.extra or {}).items():
        extra = data[name].variable
        found[channel] = renamed(extra, name, ("sample", *space)[: max(extra.ndim, 1)])
    size = [main.sizes[axis] for axis in ("x", "y")]
    if entry.density is not None:
        found["density"] = xr.Variable(("x", "y"), np.full(size, entry.density, np.float32))
    if "forcing" in entry.default:
        x, y = (np.linspace(0, 1, n) for n in size)
        found["forcing"] = xr.Variable(("x", "y"), 0.1 * np.sin(2 * np.pi * (x[:, None] + y)))
    coords: dict[str, Any] = {"channel": list(entry.channels)} if entry.channels else {}
    if entry.horizon is not None:
        coords["time"] = np.arange(main.sizes["time"]) / entry.horizon
    return xr.Dataset(found, coords, attrs=pdegym_attributes(entry, main.sizes["sample"]))


def pdegym_attributes(entry: PDEgym, samples: int) -> dict[str, Any]:
    """What the files do not say: which axes are periodic, the published split, the channels taken by default."""
    attrs: dict[str, Any] = {"periodic": entry.periodic, "offsets": dict(entry.offsets or {})}
    if samples > entry.validation + entry.test:
        attrs["split"] = {"validation": entry.validation, "test": entry.test}
    if entry.default or entry.inputs:
        attrs["default_channels"] = entry.default or (*entry.inputs, *entry.outputs)
    if entry.solid:
        attrs["solid"] = entry.solid
    return {**attrs, "inputs": entry.inputs, "outputs": entry.outputs}


def renamed(variable: xr.Variable, name: str, dims: tuple[str, ...]) -> xr.Variable:
    """A variable with its dimensions named by their position.

    Raises:
        DataError: another number of dimensions.
    """
    if variable.ndim != len(dims):
        raise DataError(
            f"{name!r} of this collection has the axes {dims}, got the shape {variable.shape}; "
            "rename the file and give dims={...} if it is something else"
        )
    copy = variable.copy(deep=False)
    copy.dims = dims
    copy.encoding = {"hdf5": name, **variable.encoding}  # what it is called in the file
    return copy


def read_hdf5(path: Path) -> xr.Dataset | None:
    """An HDF5 file of The Well, PDEBench or PDEgym's Helmholtz problem; None if it is none of these."""
    with h5py.File(path) as file:
        groups = sorted((name for name in file if isinstance(file[name], h5py.Group)), key=natural)
        seeds = [name for name in groups if re.fullmatch(r"(Sample_)?\d+", name)]
        if "dimensions" in groups and "boundary_conditions" in groups:
            return the_well(str(path), file)
        if seeds and "u" in file[seeds[0]]:
            return helmholtz(str(path), seeds)
        if seeds and "data" in file[seeds[0]]:
            return pdebench_seeds(str(path), file, seeds)
        if {"velocity", "particles", "force", "t"} <= set(file):
            return pdebench_incompressible(str(path), file)
        return pdebench(str(path), file) if "x-coordinate" in file else None


def natural(name: str) -> tuple[str, int]:
    """Sort key by which Sample_10 follows Sample_9."""
    number = re.search(r"\d+$", name)
    return (name[: number.start()], int(number[0])) if number else (name, -1)


def helmholtz(path: str, seeds: list[str]) -> xr.Dataset:
    """One group a sample, with `a`, `u` over space and a scalar `bc`."""
    parts = {"a": 2, "u": 2, "bc": 0}
    found = {
        name: hdf5_variable(path, [f"{seed}/{name}" for seed in seeds], ("sample", "x", "y")[: 1 + axes])
        for name, axes in parts.items()
    }
    return pdegym(xr.Dataset(found), PDEGYM["Helmholtz"])
