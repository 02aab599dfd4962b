"""What do species cost: a fit of many, values at a million points, a map of a continent?

    python benchmarks/biodiversity.py [--quick] --json FILE

Times are the least CPU seconds of interleaved runs. The peers: one MaxEnt fit of elapid (10,000 background points, its
own settings) for a joint fit of 30 species; numpy indexing with known cells for the values of layers at points given by
longitude and latitude; and, for memory, a map of a sixteenth of the cells: a map that streams needs no more for sixteen
times as many. The layers of a map are written to a GeoTIFF first and read from there.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr

from humboldt.domains.biodiversity import Environment, open_environment
from humboldt.domains.biodiversity.distribution import SpeciesModel

SPECIES, PRESENCES, VARIABLES = 30, 100, 13


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer points and smaller maps")
    parser.add_argument("--json", type=Path, help="where the rows are written")
    parser.add_argument("--map", type=Path, help=argparse.SUPPRESS)  # in a process of its own: peak memory of one map
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.map:
        print(json.dumps(map_memory(given.map)))
        return
    rows = [fit_row(1 if given.quick else 3), extraction_row(200_000 if given.quick else 1_000_000)]
    rows.append(map_row(1000 if given.quick else 4000))
    for found in rows:
        print(f"{found['case']}: {found['ours']:.3g} and {found['peer']:.3g} {found['unit']}, {found['ratio']:.2f}")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")


def fit_row(turns: int) -> dict[str, Any]:
    """All species of a region against one species of elapid."""
    import elapid

    background, records = points()
    names = [f"v{i}" for i in range(VARIABLES)]
    one = records[records["scientificName"] == "s0"][names]
    x, y = pd.concat([one, background]), np.r_[np.ones(len(one)), np.zeros(len(background))]

    def peer() -> None:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            elapid.MaxentModel(n_cpus=1).fit(x, y)

    def joint() -> None:
        SpeciesModel().fit(records, background).answer(background[:1])  # the network reads the records when it is asked

    ours, theirs = interleaved(joint, peer, turns)
    return row(f"fit of {SPECIES} species jointly", ours, theirs, "elapid MaxEnt, one species", "CPU s")


def points() -> tuple[pd.DataFrame, pd.DataFrame]:
    """10,000 background points, and presences near an optimum of each species."""
    random = np.random.default_rng(0)
    mixed = random.normal(size=(10_000, VARIABLES)) @ random.normal(size=(VARIABLES, VARIABLES))
    background, parts = pd.DataFrame(mixed, columns=[f"v{i}" for i in range(VARIABLES)]), []
    for number in range(SPECIES):
        optimum = mixed[random.integers(len(mixed)), :3]
        chance = np.exp(-0.05 * ((mixed[:, :3] - optimum) ** 2).sum(1))
        chosen = random.choice(len(mixed), PRESENCES, p=chance / chance.sum())
        parts.append(background.iloc[chosen].assign(scientificName=f"s{number}"))
    return background, pd.concat(parts, ignore_index=True)


def extraction_row(number: int) -> dict[str, Any]:
    """Values of 20 layers at points."""
    random, side = np.random.default_rng(0), 1000
    values = random.normal(size=(20, side, side)).astype(np.float32)
    environment = Environment(layers(values), "EPSG:4326")
    x, y = random.uniform(0, side / 100 - 0.02, (2, number))
    rows, columns = environment.cells(x, y)
    ours, theirs = interleaved(lambda: environment.extract(x, y), lambda: values[:, rows, columns].T.copy(), 5)
    return row(f"{number:,} points of 20 layers", ours, theirs, "numpy indexing", "CPU s")


def map_row(side: int) -> dict[str, Any]:
    """Memory of a map against that of one with a quarter of the side."""
    small, large = (in_process(s) for s in (side // 4, side))
    print(f"map of {side} x {side} x {VARIABLES}: {large['seconds']:.1f} CPU s, a peak of {large['MB']:.0f} MB")
    return row(
        f"map of {side} x {side} x {VARIABLES}", large["MB"], small["MB"], f"map of {side // 4} x {side // 4}", "MB"
    )


def in_process(side: int) -> dict[str, float]:
    """`map_memory` of a raster with so many rows and columns, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        write_raster(Path(folder, "layers.tif"), side)
        command = [sys.executable, __file__, "--map", str(Path(folder, "layers.tif"))]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(said.splitlines()[-1]))


def write_raster(path: Path, side: int) -> None:
    """Layers with random values, band by band and strip by strip."""
    import rasterio
    from rasterio.windows import Window

    random = np.random.default_rng(0)
    about = {
        "driver": "GTiff", "dtype": "float32", "count": VARIABLES, "height": side, "width": side, "crs": "EPSG:4326",
        "transform": rasterio.Affine(0.01, 0, 0, 0, -0.01, 40), "interleave": "band",
    }  # fmt: skip
    with rasterio.open(path, "w", **about) as file:
        for band in range(VARIABLES):
            file.set_band_description(band + 1, f"v{band}")
            for start in range(0, side, 100):
                values = 3 * random.standard_normal((100, side), np.float32)
                file.write(values, band + 1, window=Window(0, start, side, 100))


def map_memory(path: Path) -> dict[str, float]:
    """Peak memory of the process, and CPU seconds, of a map written to a GeoTIFF."""
    background, records = points()
    model = SpeciesModel().fit(records[records["scientificName"] == "s0"], background)
    environment = open_environment(path)
    start = time.process_time()
    model.predict(environment, output=path.with_name("map.tif"))
    said = Path("/proc/self/status").read_text()  # ru_maxrss would be that of the process before, where it was larger
    peak = next(int(line.split()[1]) for line in said.splitlines() if line.startswith("VmHWM"))
    return {"MB": peak / 1024, "seconds": time.process_time() - start}


def layers(values: Any) -> xr.DataArray:
    """Values on a grid of hundredths of a degree, from the south."""
    axes = {"y": np.arange(values.shape[1]) / 100, "x": np.arange(values.shape[2]) / 100}
    return xr.DataArray(values, {"layer": [f"l{i}" for i in range(len(values))], **axes}, ("layer", "y", "x"))


def interleaved(ours: Callable[[], object], peer: Callable[[], object], turns: int) -> tuple[float, float]:
    """The least CPU seconds of each."""
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(turns):
        for function, its in zip((ours, peer), spent, strict=True):
            start = time.process_time()
            function()
            its.append(time.process_time() - start)
    return min(spent[0]), min(spent[1])


def row(case: str, ours: float, peer: float, name: str, unit: str) -> dict[str, Any]:
    """A comparison."""
    return {"case": case, "ours": ours, "peer": peer, "peer_name": name, "unit": unit, "ratio": ours / peer}


if __name__ == "__main__":
    main()
