"""The fifteen downstream families: which frames are learned from and scored, what counts, how forecasts go ahead.

Source: Poseidon (arXiv 2405.19101), sections 6 to 8 of its supplement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from humboldt.domains.pde import generate
from humboldt.domains.pde.data import open_trajectories
from humboldt.domains.pde.pairs import Pairs
from humboldt.domains.pde.trajectories import TrajectoryDataset


@dataclass(frozen=True, kw_only=True)
class Downstream:
    """One family of the experiment.

    Attributes:
        scored: groups of fields whose errors count; the others (coefficients, forcings) are companions.
        stride, steps: models learn from all pairs of the frames 0, stride, ..., stride * steps, and are scored from the
            first to the last of them.
        longer: a frame beyond the trained horizon that is scored as well.
    """

    scored: tuple[str, ...]
    stride: int = 2
    steps: int = 7
    longer: int | None = 20

    @property
    def horizon(self) -> int:
        """The scored frame."""
        return self.stride * self.steps


FLUID = ("density", "velocity", "pressure")
FAMILIES: Mapping[str, Downstream] = {
    "ns-pwc": Downstream(scored=("velocity",)),
    "ns-svs": Downstream(scored=("velocity",)),
    "ns-bb": Downstream(scored=("velocity",)),
    "ns-sl": Downstream(scored=("velocity",)),
    "ns-tracer-pwc": Downstream(scored=("velocity", "tracer")),
    "fns-kf": Downstream(scored=("velocity",)),
    "ce-rpui": Downstream(scored=FLUID),
    "ce-rm": Downstream(scored=FLUID),
    "gce-rt": Downstream(scored=(*FLUID, "gravity"), stride=1, longer=10),
    "wave-layer": Downstream(scored=("displacement",)),
    "wave-gauss": Downstream(scored=("displacement",), longer=None),
    "ace": Downstream(scored=("phase",), longer=None),
    "se-af": Downstream(scored=("density",), stride=1, steps=1, longer=None),
    "poisson-gauss": Downstream(scored=("solution",), stride=1, steps=1, longer=None),
    "helmholtz": Downstream(scored=("solution",), stride=1, steps=1, longer=None),
}


FIRST_TEST = 16
"""Number of the first test trajectory, so that runs with few and with many trajectories are scored on the same ones."""


def open_family(
    name: str, folder: Path, *, train: int, test: int, resolution: int, pairs: str = "all2all"
) -> TrajectoryDataset:
    """Trajectories of a family, generated into `folder` where they are not there yet.

    The test trajectories are numbers 16, 17, ...; those that are learned from are 0 to 15 and what comes after them.

    Args:
        train, test: how many trajectories.
        pairs: `all2all`, or `vanilla` for pairs from the first frame only.
    """
    family = FAMILIES[name]
    numbers = range(test + max(train, FIRST_TEST))
    tested = range(FIRST_TEST, FIRST_TEST + test)
    learned = [n for n in numbers if n not in tested][:train]
    output = folder / f"{name}-{resolution}.zarr"
    made = xr.open_zarr(output, consolidated=False).sizes["sample"] if output.exists() else 0
    store = generate(
        name, samples=max(made, len(numbers)), resolution=resolution, output=output, batch=4, progress=False
    )
    steady = family.steps == 1
    first = 0 if steady or pairs == "vanilla" else None
    return open_trajectories(
        store,
        pairs=Pairs(stride=family.stride, steps=family.steps, input_frame=first),
        split={"train": learned, "validation": [], "test": list(tested)},
    )


def scored_groups(family: Downstream, data: TrajectoryDataset) -> list[str]:
    """The error groups that count, in the order of the data."""
    return [group for group in dict.fromkeys(c.error_group for c in data.channels) if group in family.scored]
