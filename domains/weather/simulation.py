"""What the simulations share: a spectral model of the `dinosaur` package, in a process of its own, and mountains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np

from humboldt.data_catalog import DataError

from .grid import Grid

TRUNCATIONS = {32: (21, 30), 48: (31, 30), 64: (42, 20), 128: (85, 10)}
"""Gaussian rows -> highest wavenumber (quadratic products are exact), minutes of a step."""


@dataclass(frozen=True, kw_only=True)
class Mountain:
    """A Gaussian mountain: summit height in m, place and half width in degrees."""

    height: float
    latitude: float
    longitude: float
    width: float

    def altitude(self, latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
        """Metres, at places in degrees."""
        a, b = np.deg2rad(latitude), np.deg2rad(self.latitude)
        cosine = np.sin(a) * np.sin(b) + np.cos(a) * np.cos(b) * np.cos(np.deg2rad(longitude - self.longitude))
        return self.height * np.exp(-((np.rad2deg(np.arccos(cosine.clip(-1, 1))) / self.width) ** 2))


def drawn_mountains(random: np.random.Generator, highest: float = 3000.0) -> tuple[Mountain, ...]:
    """Up to three, none above `highest` m."""
    return tuple(
        Mountain(
            height=random.uniform(500, highest),
            latitude=random.uniform(-60, 60),
            longitude=random.uniform(0, 360),
            width=random.uniform(12, 25),
        )
        for _ in range(random.integers(0, 4))
    )


def gaussian_grid(rows: int) -> Grid:
    """The Gaussian grid of a truncation, from south to north.

    Raises:
        DataError: a number of rows without a truncation.
    """
    if rows not in TRUNCATIONS:
        raise DataError(f"a simulation has one of {sorted(TRUNCATIONS)} rows, got {rows}; choose one of them")
    latitude = np.rad2deg(np.arcsin(np.polynomial.legendre.leggauss(rows)[0]))
    return Grid(tuple(latitude.tolist()), tuple((360 / (2 * rows) * np.arange(2 * rows)).tolist()))


class SpectralModel(ABC):
    """The equations of one run, compiled.

    Args:
        rows: of the Gaussian grid, one of `TRUNCATIONS`; there are twice as many columns.
        every: hours between states.
        mountains: of the ground.
        seed: of what distinguishes the first state.

    Raises:
        ModuleNotFoundError: dinosaur is not installed; names the extra.
    """

    coords: Any
    advance: Any

    def __init__(self, *, rows: int, every: float, mountains: tuple[Mountain, ...], seed: int) -> None:
        try:
            import dinosaur
            import jax
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "simulations of the atmosphere need dinosaur and JAX; pip install 'humboldt[generation]'"
            ) from error
        self.jax, self.dinosaur, self.seed = jax, dinosaur, seed
        self.grid, self.specs = gaussian_grid(rows), dinosaur.units.SimUnits.from_si()
        self.units = dinosaur.scales.units
        self.horizontal = dinosaur.spherical_harmonic.Grid.construct(
            max_wavenumber=TRUNCATIONS[rows][0], gaussian_nodes=rows // 2
        )
        self.longitude, self.latitude = np.meshgrid(
            np.asarray(self.grid.longitude), np.asarray(self.grid.latitude), indexing="ij"
        )
        flat = np.zeros_like(self.longitude)
        self.height = sum((m.altitude(self.latitude, self.longitude) for m in mountains), flat)
        minutes = TRUNCATIONS[rows][1]
        self.step, self.inner = self.specs.nondimensionalize(minutes * self.units.minute), round(every * 60 / minutes)
        self._compiled: dict[int, Any] = {}

    def stepper(self, *equations: Any) -> Any:
        """One semi-implicit step of all equations together, the smallest scales damped."""
        stepping = self.dinosaur.time_integration
        return stepping.step_with_filters(
            stepping.imex_rk_sil3(stepping.compose_equations([*equations]), self.step),
            [stepping.exponential_step_filter(self.horizontal, self.step)],
        )

    def run(self, state: Any, count: int) -> tuple[Any, Any]:
        """`count` states further: the last one, and what is kept of each."""
        if count not in self._compiled:
            trajectory = self.dinosaur.time_integration.trajectory_from_step(
                self.advance, count, self.inner, post_process_fn=self.nodal
            )
            self._compiled[count] = self.jax.jit(trajectory)
        return self._compiled[count](state)

    def si(self, values: Any, unit: Any) -> np.ndarray:
        """(*, latitude, longitude) in SI units, from (*, longitude, latitude) in units of the model."""
        return np.swapaxes(self.specs.dimensionalize(np.asarray(values, np.float64), unit).m, -1, -2)

    @abstractmethod
    def start(self) -> Any:
        """The first state."""

    @abstractmethod
    def nodal(self, state: Any) -> dict[str, Any]:
        """What is kept of a state, on the grid."""

    @abstractmethod
    def in_si(self, found: dict[str, Any]) -> dict[str, np.ndarray]:
        """What a simulation yields, from what `nodal` kept."""


def simulated(
    kind: type[SpectralModel], climate: Any, *, days: int, spin_up: int, every: float, **about: Any
) -> Iterator[dict[str, np.ndarray]]:
    """Yield the states of one run, ten days at a time, `every` hours apart, after `spin_up` days.

    Raises:
        ModuleNotFoundError: dinosaur is not installed; names the extra.
        FloatingPointError: the run became unstable.
        RuntimeError: a script calls this while it is imported; the process of the simulation imports it again.
    """
    chunk, left = round(240 / every), round(days * 24 / every)
    # JAX runs threads, and a process that has loaded it can no longer be forked safely: it is loaded in one of its own
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
        try:
            apart.submit(_begin, kind, climate, every=every, **about).result()
        except BrokenProcessPool as error:
            raise RuntimeError(
                "a simulation runs in a process of its own, which first reads the script that was started, but that "
                "process ended; in a script, put the call under `if __name__ == '__main__':`"
            ) from error
        for _ in range(round(spin_up / 10)):
            apart.submit(_advance, chunk).result()
        for first in range(0, left, chunk):
            fields = apart.submit(_advance, min(chunk, left - first)).result()
            if not all(np.isfinite(x).all() for x in fields.values()):
                raise FloatingPointError(f"the simulation became unstable for {climate}; choose another seed")
            yield fields


_under_way: list[Any] = []
"""In the process of a simulation: its model and the state that it has reached."""


def _begin(kind: Any, climate: Any, **about: Any) -> None:
    model = kind(climate, **about)
    _under_way[:] = [model, model.start()]


def _advance(count: int) -> dict[str, np.ndarray]:
    model, state = _under_way
    _under_way[1], found = model.run(state, count)
    return {name: np.asarray(values) for name, values in model.in_si(found).items()}
