"""humboldt generate PROBLEM --samples 256 --output x.zarr"""

from __future__ import annotations

from collections.abc import Sequence

from ..cli import UsageError, make_parser, option, parse


def run(words: Sequence[str]) -> None:
    """Make trajectories."""
    parser = make_parser("generate", "Solve a problem for random initial states and write a Zarr store; resumable.")
    parser.add_argument("name", type=str, help="a problem, such as ns-sines")
    add = parser.add_argument
    option(add, "samples", int, 16, "number of trajectories")
    option(add, "output", str | None, None, "Zarr store to write")
    option(add, "resolution", int, 64, "grid points along an axis")
    option(add, "seed", int, 0, "seed of the initial states")
    option(add, "snapshots", int | list[float] | None, None, "times, or how many equidistant ones; the problem's own")
    option(add, "tracer", bool, False, "with a passive tracer (incompressible flows)")
    option(add, "batch", int, 16, "trajectories solved together")
    option(add, "workers", int, 1, "processes")
    option(add, "overwrite", bool, False, "replace a store that is there")
    option(add, "dry_run", bool, False, "print what would be made; write nothing")
    given = parse(parser, words)
    if given["output"] is None:
        raise UsageError("generated data go to a store, got none; add --output FILE.zarr")
    from humboldt.domains.pde import generate

    print(generate(given.pop("name"), **given))
