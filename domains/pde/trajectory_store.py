"""A Zarr store of trajectories: one array a field, one chunk a sample, CF attributes and provenance."""

import json
import os
import shutil
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from humboldt._version import __version__

from .problem_type import Problem

PLAN = "humboldt_plan"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be generated: everything that the numbers in a store depend on."""

    problem: Problem
    samples: int
    resolution: int
    times: tuple[float, ...]
    seed: int

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise ValueError(f"samples must be at least 1, got {self.samples}")
        if self.seed < 0:
            raise ValueError(f"a seed must be 0 or more, got {self.seed}; choose another")
        self.problem.require_resolution(self.resolution)
        if len(self.times) < 2 or self.times[0] < 0 or not np.all(np.diff(self.times) > 0):
            raise ValueError(
                f"snapshots must be at least two times that increase from 0 on, got {list(self.times)}; "
                "give a number of them or sorted times"
            )

    @property
    def space(self) -> tuple[str, ...]:
        """Names of the space axes."""
        return ("x", "y", "z")[: self.problem.axes]

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of the dimensions of each field."""
        return ("sample", "time", *self.space)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of each field, as `dimensions`."""
        return self.samples, len(self.times), *(self.resolution for _ in self.space)

    @property
    def bytes_per_sample(self) -> int:
        """Size of a sample before compression."""
        return 4 * len(self.problem.fields) * len(self.times) * self.resolution**self.problem.axes

    def describe(self) -> dict[str, Any]:
        """The plan as JSON can hold it: two stores with the same description hold the same numbers."""
        return {
            "problem": self.problem.name,
            "choices": dict(self.problem.choices),
            "samples": self.samples,
            "resolution": self.resolution,
            "times": list(self.times),
            "seed": self.seed,
            "humboldt_version": __version__,
        }


def create_store(path: Path, plan: Plan) -> None:
    """Write the coordinates, attributes and empty fields of a plan to a new store."""
    group = zarr.create_group(path, zarr_format=3, attributes=global_attributes(plan))
    for name, values, attributes in coordinates(plan):
        array = group.create_array(name, data=values, dimension_names=(name,))
        array.attrs.update(attributes)
    for field in plan.problem.fields:
        labels: dict[str, Any] = {"units": field.units, "long_name": field.long_name, "group": field.group}
        if field.standard_name:
            labels["standard_name"] = field.standard_name
        group.create_array(
            field.name,
            shape=plan.shape,
            chunks=(1, *plan.shape[1:]),
            dtype="float32",
            fill_value=np.nan,
            dimension_names=plan.dimensions,
            attributes=labels,
        )
    with warnings.catch_warnings():  # "not part of the Zarr format 3 specification": true, but xarray looks for it
        warnings.simplefilter("ignore")
        zarr.consolidate_metadata(path)


def coordinates(plan: Plan) -> list[tuple[str, np.ndarray, dict[str, str]]]:
    """Name, values and attributes of each coordinate."""
    problem = plan.problem
    points = problem.points(plan.resolution)
    return [
        ("sample", np.arange(plan.samples), {"long_name": "number of the sample within its seed", "units": "1"}),
        ("time", np.array(plan.times), {"long_name": "time", "units": problem.time_units, "axis": "T"}),
        *(
            (name, points, {"long_name": name, "units": problem.length_units, "axis": name.upper()})
            for name in plan.space
        ),
    ]


def global_attributes(plan: Plan) -> dict[str, Any]:
    """CF attributes and provenance of a store."""
    problem = plan.problem
    inner = getattr(problem.solver, "func", problem.solver)
    return {
        "Conventions": "CF-1.11",
        "title": problem.title,
        "source": f"humboldt {__version__}, humboldt.domains.pde.solvers",
        "references": problem.source,
        "license": "CC0-1.0",
        "problem": problem.name,
        "equation": problem.equation,
        "constraint": problem.constraint,
        "rollout": problem.rollout,
        "fields": [field.name for field in problem.fields],
        "domain_length": problem.length,
        "periodic": list(plan.space) if problem.periodic else [],
        **({"solid": problem.solid} if problem.solid else {}),
        "solver": f"{inner.__module__}.{inner.__qualname__}, {np.dtype(problem.precision).name}",
        PLAN: json.dumps(plan.describe()),  # NetCDF, to which a store may be written, holds no mapping
    }


def write_samples(path: Path, plan: Plan, samples: Sequence[int]) -> None:
    """Solve for the samples listed (neighbours, in order) and write them to the store."""
    trajectories = plan.problem.solve(samples, seed=plan.seed, resolution=plan.resolution, times=plan.times)
    group = zarr.open_group(path, mode="r+")
    for number, field in enumerate(plan.problem.fields):
        array = group[field.name]
        assert isinstance(array, zarr.Array)
        array[samples[0] : samples[-1] + 1] = trajectories[:, :, number]


def adopt_samples(before: Path, path: Path, plan: Plan) -> None:
    """Take the samples of a finished store over into a larger one of the same plan, as further names of their files."""
    for field in plan.problem.fields:
        shutil.copytree(before / field.name / "c", path / field.name / "c", copy_function=os.link)


def read_plan(path: Path) -> dict[str, Any] | None:
    """Description of the plan that made a finished store, or None for anything else."""
    try:
        attributes = json.loads((path / "zarr.json").read_text())["attributes"]
    except (OSError, ValueError, KeyError):
        return None
    plan = attributes.get(PLAN)
    plan = json.loads(plan) if isinstance(plan, str) else plan
    return plan if isinstance(plan, dict) else None
