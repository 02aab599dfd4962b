"""One solution of every problem that can be generated: python benchmarks/pretraining/gallery.py [--resolution 64].

Writes docs/images/pde_gallery.png and the table docs/experiments/pde_problems.txt.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from humboldt.domains.pde.problems import PROBLEMS, problem
from humboldt.foundations import pyplot

DOCS = Path(__file__).parents[2] / "docs"
SHOWN = {
    "ns-tracer-pwc": "tracer", "helmholtz": "solution", "poisson-gauss": "solution", "advection": "scalar_1",
    "se-af": "density",
}  # fmt: skip
POINTS = {1: 128, 3: 32}
MOMENTS = 4
COLUMNS = 2


def main() -> None:
    """Solve, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resolution", type=int, default=64, help="cells or points along an axis (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the initial states (%(default)s)")
    options = parser.parse_args()
    rows = -(-len(PROBLEMS) // COLUMNS)
    figure = pyplot().figure(figsize=(15, 1.9 * rows), layout="constrained")
    for part, name in zip(figure.subfigures(rows, COLUMNS).flat, PROBLEMS, strict=False):
        draw(part, name, options)
    figure.savefig(DOCS / "images" / "pde_gallery.png", dpi=70)
    (DOCS / "experiments" / "pde_problems.txt").write_text(table())


def draw(part: Any, name: str, options: argparse.Namespace) -> None:
    """The first field of a problem, or the one that shows most, at some of its snapshot times.

    Of a line all times are shown in one picture, of a cube its middle.
    """
    chosen = problem(name)
    fields = [field.name for field in chosen.fields]
    shown = SHOWN.get(name, fields[0])
    places = np.unique(np.linspace(0, len(chosen.times) - 1, MOMENTS).round().astype(int))
    size = POINTS.get(chosen.axes, options.resolution)
    part.suptitle(f"{name}: {shown}", fontsize=9)
    if chosen.axes == 1:
        times = np.linspace(0, chosen.times[-1], 128).tolist()
        path = chosen.solve(1, seed=options.seed, resolution=size, times=times)[0, :, fields.index(shown)]
        axis = part.subplots(1, 1)
        axis.imshow(path, origin="lower", cmap="viridis", aspect="auto")
        axis.set_title(f"over x (right) and t (up, to {chosen.times[-1]:g})", fontsize=7)
        axis.set_axis_off()
        return
    path = chosen.solve(1, seed=options.seed, resolution=size)[0, places, fields.index(shown)]
    path = path if chosen.axes == 2 else path[..., size // 2]
    for axis, state, place in zip(part.subplots(1, MOMENTS), path, places, strict=False):
        axis.imshow(state.T, origin="lower", cmap="viridis")
        axis.set_title(f"t = {chosen.times[place]:.3g}", fontsize=7)
    for axis in part.axes:
        axis.set_axis_off()


def table() -> str:
    """Markdown: name, equation, fields, snapshots, last time, and how forecasts are scored, of every problem."""
    lines = ["| problem | what | equation | fields | frames | until | scored |", "|---|---|---|---|--:|---|---|"]
    for name in PROBLEMS:
        this = problem(name)
        fields = ", ".join(field.name for field in this.fields)
        last = f"{this.times[-1]:.3g}" + ("" if this.time_units == "1" else f" {this.time_units}")
        cells = [f"`{name}`", this.title, this.equation, fields, str(len(this.times)), last, this.rollout]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
