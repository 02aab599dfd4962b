"""Peak memory of `humboldt predict` for inputs of one size and of eight times as much, in every science."""

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from humboldt.domains.graphs import build, decoder_core, for_task, open_graphs
from humboldt.domains.graphs.config import GraphConfig
from humboldt.domains.graphs.vocabulary import PUBLISHED
from humboldt.foundations import read_config

CHANCE = np.random.default_rng(0)


def fields(folder: Path, times: int) -> list[str]:
    """128 states of 64 x 64 points."""
    path, dims = folder / f"fields-{times}.zarr", ("sample", "x", "y")
    names = ("velocity_x", "velocity_y", "scalar_1", "scalar_2")
    values = CHANCE.standard_normal((128 * times, 64, 64), np.float32)
    data = xr.Dataset({name: (dims, values, {"units": "1"}) for name in names}, attrs={"periodic": "x y"})
    data.to_zarr(path, encoding={name: {"chunks": (16, 64, 64)} for name in names}, zarr_format=2)
    return ["humboldt/pde-nano", str(path), "--along", "sample"]


def weather(folder: Path, times: int) -> list[str]:
    """17 states of 64 x 128 places, forecast from every one that has one before it."""
    config = read_config(Path(__file__).parents[1] / "domains/pretrained/weather-nano")["config"]
    count, dims = 16 * times + 1, ("time", "latitude", "longitude")
    found, levels = {}, {}
    for channel in config["channels"]:
        about = {"units": channel["units"], "standard_name": channel["standard_name"]}
        field = CHANCE.standard_normal((count, 64, 128), np.float32)
        if channel["level"] is None:
            found[channel["variable"]] = (dims, field, about)
        else:
            levels.setdefault(channel["variable"], []).append((channel["level"], field, about))
    places = {"latitude": np.linspace(88, -88, 64), "longitude": np.arange(128) * 360 / 128}
    times_of = pd.date_range("2001-01-01", periods=count, freq="6h")
    data = xr.Dataset(found, {"time": times_of, **places})
    for name, parts in levels.items():
        stacked = np.stack([field for _, field, _ in parts], 1)
        data[name] = (("time", "level", *dims[1:]), stacked, parts[0][2])
        data = data.assign_coords(level=("level", [level for level, _, _ in parts], {"units": "hPa"}))
    path = folder / f"weather-{times}.nc"
    data.to_netcdf(path)
    return ["humboldt/weather-nano", str(path), "--along", "time", "--lead-times", "6"]


def maps(folder: Path, times: int) -> list[str]:
    """Four layers of 400 x 400 cells, and ninety records."""
    rows = 400 * times
    axes = {"y": 50 - 0.001 * np.arange(rows), "x": 10 + 0.001 * np.arange(400)}
    layers = {f"layer_{n}": (("y", "x"), CHANCE.standard_normal((rows, 400), np.float32)) for n in range(4)}
    path = folder / f"layers-{times}.nc"
    xr.Dataset(layers, axes).to_netcdf(path)
    records = pd.DataFrame({"species": "Rana", "latitude": CHANCE.uniform(49.61, 49.99, 90)})
    records["longitude"] = CHANCE.uniform(10.01, 10.39, 90)
    records.to_csv(folder / "records.csv", index=False)
    words = ["--occurrences", str(folder / "records.csv"), "--opening", "{crs: 'EPSG:4326'}"]
    return ["humboldt/biodiversity-nano", str(path), *words]


def molecules(folder: Path, times: int) -> list[str]:
    """2048 chains of carbon, nitrogen and oxygen; a small model with fresh weights."""
    vocabulary = PUBLISHED["moses"]
    chance = random.Random(times)
    rows = [("".join(chance.choice("CCCON") for _ in range(20)), float(n % 7)) for n in range(2048 * times)]
    table = pd.DataFrame([(s.replace("OO", "OC").replace("NO", "NC"), y) for s, y in rows], columns=["smiles", "y"])
    table.to_csv(folder / f"molecules-{times}.csv", index=False)
    if times == 1:
        core = decoder_core(layers=1, heads=2, width=32)
        model = build(GraphConfig(vocabulary=vocabulary, core=core, length=200, rows=len(vocabulary)))
        data = open_graphs(table[:60], targets=["y"], vocabulary=vocabulary)
        for_task(model, data, "regression").save(folder / "properties")
    return [str(folder / "properties"), str(folder / f"molecules-{times}.csv")]


SCIENCES: dict[str, Callable[[Path, int], list[str]]] = {
    "fields": fields, "weather": weather, "maps": maps, "molecules": molecules,
}  # fmt: skip


def peaks(folder: Path) -> dict[str, tuple[float, float]]:
    """Megabytes at most of one process for one and for eight times the input, by science."""
    return {name: (peak(make(folder, 1), folder), peak(make(folder, 8), folder)) for name, make in SCIENCES.items()}


TOLD = """
import sys
from humboldt.cli import main
assert main(sys.argv[1:]) == 0
print([line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
"""
"""A command that says how many kilobytes it held at most; what a parent is told counts the memory of the parent too."""


def peak(words: list[str], folder: Path) -> float:
    """Megabytes at most of a command (on Linux)."""
    command = [sys.executable, "-c", TOLD, "predict", *words, "--output", str(folder / "made.nc")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout.split()[-1]) * 1024 / 1e6
