"""What a problem is: its equation, fields, units, times and choices, and the solver behind it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from .solvers import UnstableSolutionError

Solver = Callable[..., np.ndarray]
Rollout = Literal["direct", "autoregressive"]


@dataclass(frozen=True, kw_only=True)
class Field:
    """One variable of a problem; ``group`` joins the components of one vector, for losses and scores."""

    name: str
    long_name: str
    group: str
    units: str = "1"
    standard_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Option:
    """A choice that a problem leaves open; it is the keyword of that name of its solver.

    default: what is taken; values: what may be chosen, and the keyword's value for it; between: instead of these, the
    range of numbers in which the solution is stable; changes: what else of the problem a value changes; silent: a
    description names the choice only where it is not the default.
    """

    default: Any
    values: Mapping[Any, Any] = field(default_factory=dict)
    between: tuple[float, float] | None = None
    changes: Mapping[Any, Mapping[str, Any]] = field(default_factory=dict)
    silent: bool = False

    def keyword(self, name: str, value: Any) -> Any:
        """The keyword's value for a choice. Raises ValueError, naming what may be chosen."""
        if self.between is not None:
            low, high = self.between
            if isinstance(value, str) or not low <= value <= high:
                raise ValueError(f"{name} must lie in its stable range from {low:g} to {high:g}, got {value!r}")
            return float(value)
        value = value if value in self.values else str(value)  # 2 for "2", as a command line reads it
        if value not in self.values:
            raise ValueError(f"{name} must be one of {', '.join(map(str, self.values))}, got {value!r}")
        return self.values[value]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A family of initial value problems on a square (or line, or cube), with a random initial state for every sample.

    ``times`` are the default snapshot times in ``time_units``, ``length`` is the side of the square in
    ``length_units``, ``first`` the coordinate where it begins; values stand at the middles of cells if ``cells``, else
    at the lower ends of their intervals; ``constraint`` says what the fields leave unknown; ``solid`` is the field that
    is 1 inside of a body, where no solution is asked for; ``rollout`` says how the paper scores forecasts; ``options``
    are the choices it leaves and ``choices`` those that were made; ``resolutions`` are the fewest and the most points
    along an axis.
    """

    name: str
    title: str
    equation: str
    fields: tuple[Field, ...]
    times: tuple[float, ...]
    solver: Solver
    source: str
    constraint: str = ""
    axes: int = 2
    solid: str = ""
    rollout: Rollout = "direct"
    length: float = 1.0
    first: float = 0.0
    cells: bool = False
    periodic: bool = True
    time_units: str = "1"
    length_units: str = "1"
    resolutions: tuple[int, int] = (8, 1024)
    options: Mapping[str, Option] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)

    @property
    def precision(self) -> str:
        """What it is solved in: "double" or "single"."""
        return self.choices.get("precision", "double")

    def chosen(self, **choices: Any) -> "Problem":
        """With these choices made, and the others as they are by default.

        Raises ValueError, naming the choices that there are, or the values of one.
        """
        for name in choices:
            if name not in self.options:
                known = ", ".join(self.options) or "(none)"
                raise ValueError(f"{self.name} has the choices {known}, got {name!r}; leave it out")
        values = {name: choices.get(name, option.default) for name, option in self.options.items()}
        keywords = {name: self.options[name].keyword(name, value) for name, value in values.items()}
        said = {
            name: str(keywords[name])
            for name, option in self.options.items()
            if not (option.silent and values[name] == option.default)
        }
        changes = [self.options[name].changes.get(value, {}) for name, value in values.items()]
        changed: dict[str, Any] = {key: value for change in changes for key, value in change.items()}
        return replace(self, **changed, solver=partial(self.solver, **keywords), choices=said)

    def solve(
        self,
        samples: int | Sequence[int],
        *,
        seed: int = 0,
        resolution: int = 64,
        times: Sequence[float] | None = None,
    ) -> np.ndarray:
        """Trajectories ``[sample, time, field, *space]``, float32, of the first ``samples`` or of the listed ones.

        Sample i of a seed is the same whatever it is solved with. Raises ValueError for a resolution outside of
        ``resolutions`` and `UnstableSolutionError`, which names the samples, for what does not stay finite.
        """
        self.require_resolution(resolution)
        chosen = list(range(samples) if isinstance(samples, int) else samples)
        generators = [sample_generator(seed, sample) for sample in chosen]
        try:
            path = self.solver(generators, resolution, self.times if times is None else times).astype(np.float32)
            lost = np.flatnonzero(~np.isfinite(path).reshape(len(path), -1).all(axis=1)).tolist()
            if lost:
                raise UnstableSolutionError("a solution must be finite in single precision", samples=lost)
        except UnstableSolutionError as error:
            lost = [chosen[number] for number in error.samples]
            about = f"{self.name}, sample(s) {lost} of seed {seed} at resolution {resolution}"
            raise UnstableSolutionError(f"{about}: {error}", samples=lost) from error
        return path

    def points(self, resolution: int) -> np.ndarray:
        """Where the values stand along an axis, ``[resolution]``, in ``length_units``."""
        return self.first + (np.arange(resolution) + 0.5 * self.cells) * (self.length / resolution)

    def require_resolution(self, resolution: int) -> None:
        """Refuse a number of points that is odd, or with which the solver is not stable or not affordable."""
        low, high = self.resolutions
        if not low <= resolution <= high or resolution % 2:
            raise ValueError(f"{self.name} is solved on an even resolution of at least {low} and at most {high}, "
                             f"got {resolution}; choose for example {min(64, high)}")  # fmt: skip


def sample_generator(seed: int, sample: int) -> np.random.Generator:
    """The random numbers of one sample of a seed."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(sample,)))


def snapshots(end: float, count: int) -> tuple[float, ...]:
    """``count`` equidistant times from 0 to ``end``, both included."""
    return tuple(np.linspace(0, end, count).tolist())
