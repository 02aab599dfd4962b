"""The HTML page of the catalog, with pictures of what can be generated here."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from humboldt.data_catalog import Catalog, Entry, Files, Generated, fragment, load_catalog, open_contents, page

from .cataloguing import make

PIXELS = 96


def write_page(folder: str | Path, name: str | None = None) -> Path:
    """Write `index.html` and its pictures into a folder.

    Args:
        folder: is made if it is not there.
        name: of one entry; all by default.

    Raises:
        DataError: no such entry.
        ImportError: matplotlib is not installed; names the extra.
    """
    entries, images = _pictures(Path(folder), name)
    target = Path(folder) / "index.html"
    target.write_text(page(entries, images), encoding="utf-8")
    return target


def page_fragment(folder: str | Path) -> str:
    """The cards of the whole catalog for a page beside this folder, into which their pictures are written."""
    entries, images = _pictures(Path(folder), None)
    return fragment(entries, {key: f"{Path(folder).name}/{image}" for key, image in images.items()})


def _pictures(folder: Path, name: str | None) -> tuple[list[Entry], dict[str, str]]:
    catalog: Catalog = load_catalog()
    entries = [catalog.find(name)] if name else list(catalog)
    folder.mkdir(parents=True, exist_ok=True)
    images = {}
    for entry in entries:
        values = picture(entry)
        if values is not None:
            images[entry.id] = f"{entry.id}.png"
            _save(values, folder / images[entry.id])
    return entries, images


def picture(entry: Entry) -> np.ndarray | None:
    """A field of a data set that is generated or comes with Humboldt; for a published problem that our solvers know,
    a solution of ours. None for the others."""
    if isinstance(entry.source, Generated):
        with tempfile.TemporaryDirectory() as folder:
            make(entry, Path(folder))
            return _field(entry, Path(folder))
    if isinstance(entry.source, Files) and entry.source.root == "package":
        from humboldt.data_catalog import located

        return _field(entry, Path(located(entry)))
    return _solved(entry.id.removeprefix("pde.pdegym-")) if entry.id.startswith("pde.pdegym-") else None


def _field(entry: Entry, place: Path) -> np.ndarray:
    with open_contents(place) as data:
        if "train_edges" in data:
            return _adjacency(data)
        name = next(name for name, variable in entry.variables.items() if variable.role in ("state", "target"))
        array = data[name]
        last = {dim: -1 for dim in array.dims if dim not in entry.dims.space}
        chosen = array.isel(last).transpose(*reversed(entry.dims.space) if entry.domain == "pde" else entry.dims.space)
        return np.asarray(chosen.values, float)[::-1]


def _adjacency(data: Any) -> np.ndarray:
    """The matrix of the first graph."""
    nodes, end = int(data["train_num_nodes"][0]), int(data["train_offsets"][1])
    matrix, edges = np.zeros((nodes, nodes)), data["train_edges"].values[:end]
    matrix[edges[:, 0], edges[:, 1]] = matrix[edges[:, 1], edges[:, 0]] = 1.0
    return matrix


def _solved(problem: str) -> np.ndarray | None:
    """A late state of one of our own solutions of a problem, if there is a solver of that name."""
    from humboldt.domains.pde import PROBLEMS, generate

    if problem not in PROBLEMS:
        return None
    with tempfile.TemporaryDirectory() as folder:
        store = generate(problem, samples=1, output=Path(folder) / "one.zarr", seed=1, snapshots=3, progress=False)
        with open_contents(store) as data:
            names = [str(n) for n, v in data.data_vars.items() if "time" in v.dims]
            fields = {name: np.asarray(data[name].isel(sample=0, time=-1).values, float) for name in names}
        varying = [name for name in names if np.ptp(fields[name])]  # a boundary value is the same everywhere
        return fields["tracer" if "tracer" in varying else varying[0]].T[::-1]


def _save(values: np.ndarray, path: Path) -> None:
    try:
        from matplotlib.image import imsave
    except ImportError as error:
        raise ImportError('pictures need matplotlib: pip install "humboldt[plots]"') from error
    step = max(1, -(-max(values.shape) // PIXELS))
    imsave(path, np.nan_to_num(values[::step, ::step]), cmap="viridis")
