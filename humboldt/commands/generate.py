"""humboldt generate PROBLEM --samples 256 --output x.zarr, generate pdegym --families pretraining --output FOLDER, or
humboldt generate held-suarez --output x.zarr (or shallow-water)"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from ..cli import UsageError, make_parser, option, parse

ATMOSPHERES = ("held-suarez", "shallow-water")
COLLECTION = "pdegym"
CHOICES = "what else a problem leaves open, such as '{viscosity: spectral}' of flows, '{refinement: 4}' of gases"
PRECISION = "single takes less time where Fourier series solve, for a round-off of about 1e-6"


def run(words: Sequence[str]) -> None:
    """Make trajectories of a problem, or runs of the atmosphere."""
    if words and words[0] in ATMOSPHERES:
        simulate(*words)
        return
    if words and words[0] == COLLECTION:
        collect(words[1:])
        return
    parser = make_parser("generate", "Solve a problem for random initial states and write a Zarr store; resumable.")
    parser.add_argument("name", type=str, help=f"a problem, such as ns-sines, {COLLECTION} or {ATMOSPHERES[0]}")
    add = parser.add_argument
    option(add, "samples", int, 16, "number of trajectories")
    option(add, "output", str | None, None, "Zarr store to write")
    option(add, "resolution", int, 64, "grid points along an axis")
    option(add, "seed", int, 0, "seed of the initial states")
    option(add, "snapshots", int | list[float] | None, None, "times, or how many equidistant ones; the problem's own")
    option(add, "tracer", bool, False, "with a passive tracer (flows and gases)")
    option(add, "precision", Literal["double", "single"], "double", PRECISION)
    option(add, "choices", dict[str, Any] | None, None, CHOICES)
    option(add, "batch", int | None, None, "trajectories solved together; as many as a cache holds if not given")
    option(add, "workers", int, 1, "processes")
    option(add, "overwrite", bool, False, "replace a store that is there")
    option(add, "dry_run", bool, False, "print what would be made; write nothing")
    given = parse(parser, words)
    if given["output"] is None:
        raise UsageError("generated data go to a store, got none; add --output FILE.zarr")
    from humboldt.domains.pde import generate

    print(generate(given.pop("name"), **given))


def collect(words: Sequence[str]) -> None:
    """Make several problems, a store each."""
    about = "Solve the problems of the Poseidon paper and write a folder of Zarr stores; resumable."
    parser = make_parser(f"generate {COLLECTION}", about)
    add = parser.add_argument
    add("--families", type=str, nargs="+", default=["all"], help="problems, or pretraining, downstream, all")
    option(add, "samples", int, 16, "number of trajectories of each")
    option(add, "output", str | None, None, "folder of the stores")
    option(add, "resolution", int, 64, "grid points along an axis")
    option(add, "seed", int, 0, "seed of the initial states")
    option(add, "choices", dict[str, Any] | None, None, CHOICES)
    option(add, "batch", int | None, None, "trajectories solved together; as many as a cache holds if not given")
    option(add, "workers", int | None, None, "processes; as many as processors if not given")
    option(add, "overwrite", bool, False, "replace stores that are there")
    option(add, "dry_run", bool, False, "print what would be made; write nothing")
    given = parse(parser, words)
    if given["output"] is None:
        raise UsageError("generated data go to a folder, got none; add --output FOLDER")
    from humboldt.domains.pde import generate_families

    for store in generate_families(given.pop("families"), **given):
        print(store)


def simulate(kind: str, *words: str) -> None:
    """Make runs of a dry general circulation model, or of shallow water."""
    about = "Simulate the atmosphere (several climates) and write a CF Zarr store; resumable."
    parser = make_parser(f"generate {kind}", about)
    add = parser.add_argument
    option(add, "samples", int, 6, "number of runs, each with its climate and mountains")
    option(add, "output", str | None, None, "Zarr store to write")
    option(add, "days", int, 60, "days of each run that are kept")
    option(add, "spin_up", int, 50, "days before that, in tens")
    option(add, "every", float, 3.0, "hours between states")
    option(add, "rows", int, 48, "latitudes of the Gaussian grid: 32, 48, 64 or 128; twice as many longitudes")
    if kind == ATMOSPHERES[0]:
        option(add, "layers", int, 8, "layers of the model")
    option(add, "seed", int, 0, "seed of climates and first states")
    option(add, "overwrite", bool, False, "replace a store that is there")
    option(add, "dry_run", bool, False, "print what would be made; write nothing")
    given = parse(parser, words)
    if given["output"] is None:
        raise UsageError("generated data go to a store, got none; add --output FILE.zarr")
    from humboldt.domains.weather import held_suarez, shallow_water

    make = held_suarez if kind == ATMOSPHERES[0] else shallow_water
    print(make(given.pop("output"), **given))
