"""The rotating shallow water equations on the sphere: jets that are unstable, relaxed towards, and meet mountains.

One layer of fluid with a mean depth of 5.5 km stands in for the flow on 500 hPa: `z` is the geopotential of its
surface. The solver is that of the `dinosaur` package. What is drawn for every run: a jet in each hemisphere, the time
in which the flow is brought back to it, and a few smooth mountains.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .simulation import Mountain, SpectralModel, drawn_mountains, simulated

DEPTH = 5500.0  # m
LEVEL = (500.0,)  # hPa, of which the surface is the likeness


@dataclass(frozen=True, kw_only=True)
class Jet:
    """A westerly jet: speed in m s-1 at its axis, latitude of the axis and half width in degrees."""

    speed: float
    latitude: float
    width: float

    def wind(self, latitude: np.ndarray) -> np.ndarray:
        """Eastward wind in m s-1, at latitudes in degrees; nothing at the poles."""
        profile = np.exp(-(((latitude - self.latitude) / self.width) ** 2))
        return self.speed * profile * np.cos(np.deg2rad(latitude)) / np.cos(np.deg2rad(self.latitude))


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What distinguishes one run from another.

    Attributes:
        jets: of the flow that is relaxed towards, in balance with the height of the surface.
        relaxation: time in which the flow comes back to it, days.
        mountains: of the ground.
    """

    jets: tuple[Jet, ...]
    relaxation: float = 10.0
    mountains: tuple[Mountain, ...] = ()


def drawn_flow(seed: int, number: int) -> Flow:
    """The flow of a run; run 0 has two equal jets on a flat planet."""
    if number == 0:
        return Flow(jets=tuple(Jet(speed=50.0, latitude=side * 45.0, width=8.0) for side in (-1, 1)))
    random = np.random.default_rng([seed, number, 1])
    jets = tuple(
        Jet(speed=random.uniform(30, 60), latitude=side * random.uniform(35, 55), width=random.uniform(6, 10))
        for side in (-1, 1)
    )
    return Flow(jets=jets, relaxation=random.uniform(6, 15), mountains=drawn_mountains(random, highest=1500.0))


def simulate(
    flow: Flow, *, days: int, spin_up: int, every: float = 3.0, rows: int = 32, seed: int = 0
) -> Iterator[dict[str, np.ndarray]]:
    """Yield the states of one run, ten days at a time, after `spin_up` days from the disturbed jets.

    Each holds `z` (m2 s-2), `u`, `v` (m s-1) on `LEVEL`, (time, level, latitude, longitude), from south to north, and
    `orog` (m), (time, latitude, longitude).

    Args:
        every: hours between states.
        rows: of the Gaussian grid, one of `simulation.TRUNCATIONS`; there are twice as many columns.
        seed: of the bumps of the surface that disturb the first state.

    Raises:
        ModuleNotFoundError: dinosaur is not installed; names the extra.
        FloatingPointError: the run became unstable.
    """
    return simulated(_Model, flow, days=days, spin_up=spin_up, every=every, rows=rows, seed=seed)


class _Model(SpectralModel):
    """Vorticity, divergence and potential of one layer; the potential is counted from that of the mean depth."""

    def __init__(self, flow: Flow, *, rows: int, every: float, seed: int) -> None:
        super().__init__(rows=rows, every=every, mountains=flow.mountains, seed=seed)
        core, units, specs = self.dinosaur, self.units, self.specs
        layers = core.layer_coordinates.LayerCoordinates(1)
        self.coords = core.coordinate_systems.CoordinateSystem(self.horizontal, layers)
        ground = self._modal(self.height)
        self.ground = np.asarray(self.horizontal.to_nodal(ground))
        wind = sum((jet.wind(np.asarray(self.grid.latitude)) for jet in flow.jets), np.zeros(rows))
        speed = specs.nondimensionalize(wind * units.m / units.s)
        steady = core.shallow_water_states.multi_layer(speed[None], np.ones(1), self.coords)
        self.steady = steady.replace(potential=steady.potential - ground)
        self.depth = specs.nondimensionalize(DEPTH * units.m) * specs.g
        dynamics = core.shallow_water.ShallowWaterEquations(self.coords, specs, ground, np.array([self.depth]))
        rate = 1 / specs.nondimensionalize(flow.relaxation * units.day)
        back = core.time_integration.ExplicitODE.from_functions(lambda state: (self.steady - state) * rate)
        self.advance = self.stepper(dynamics, back)

    def _modal(self, height: np.ndarray) -> Any:
        """Geopotential of a height in m, in spherical harmonics that products leave exact."""
        geopotential = self.specs.nondimensionalize(height * self.units.m) * self.specs.g
        return self.horizontal.clip_wavenumbers(self.horizontal.to_modal(np.asarray(geopotential, np.float32)))

    def start(self) -> Any:
        """The jets, disturbed by a few bumps of the surface that leave its mean where it is."""
        random = np.random.default_rng(self.seed)
        bumps = [
            Mountain(height=random.uniform(50, 150), latitude=side * 45.0, longitude=random.uniform(0, 360), width=12.0)
            for side in (-1, 1)
            for _ in range(3)
        ]
        height = sum((b.altitude(self.latitude, self.longitude) for b in bumps), np.zeros_like(self.height))
        height -= (height * self.grid.area_weights()).mean()
        return self.steady.replace(potential=self.steady.potential + self._modal(height))

    def nodal(self, state: Any) -> dict[str, Any]:
        """Winds, and the geopotential of the surface."""
        u, v = self.dinosaur.spherical_harmonic.vor_div_to_uv_nodal(self.horizontal, state.vorticity, state.divergence)
        return {"u": u, "v": v, "z": self.depth + self.horizontal.to_nodal(state.potential) + self.ground}

    def in_si(self, found: dict[str, Any]) -> dict[str, np.ndarray]:
        """What `simulate` yields."""
        units = self.units
        kinds = {"z": units.m**2 / units.s**2, "u": units.m / units.s, "v": units.m / units.s}
        made = {name: self.si(found[name], unit) for name, unit in kinds.items()}
        height = self.si(self.ground / self.specs.g, units.m)
        made["orog"] = np.broadcast_to(height, made["z"][:, 0].shape)
        return {name: np.ascontiguousarray(x, dtype=np.float32) for name, x in made.items()}
