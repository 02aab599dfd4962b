"""A dry general circulation model on the sphere: primitive equations with the forcing of Held and Suarez (1994).

The dynamical core is that of the `dinosaur` package: spectral in the horizontal, sigma layers in the vertical, a
semi-implicit step. What is drawn for every run: the radiative equilibrium, the friction, and a few smooth mountains.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .simulation import Mountain, SpectralModel, drawn_mountains, simulated

LEVELS = (250.0, 500.0, 850.0)  # hPa
GAS, GRAVITY, LAPSE = 287.0, 9.80616, 0.0065  # J kg-1 K-1, m s-2, K m-1


@dataclass(frozen=True, kw_only=True)
class Climate:
    """What distinguishes one run from another; the defaults are those of Held and Suarez.

    Attributes:
        contrast: temperature difference between equator and pole of the radiative equilibrium, K.
        warmest: of the radiative equilibrium, K.
        stability: vertical difference of potential temperature, K.
        friction: time in which the lowest layer is brought to rest, days.
        mountains: none on a flat planet.
    """

    contrast: float = 60.0
    warmest: float = 315.0
    stability: float = 10.0
    friction: float = 1.0
    mountains: tuple[Mountain, ...] = ()


def drawn_climate(seed: int, number: int) -> Climate:
    """The climate of a run; run 0 is that of Held and Suarez on a flat planet."""
    if number == 0:
        return Climate()
    random = np.random.default_rng([seed, number])
    mountains = drawn_mountains(random)
    return Climate(
        contrast=random.uniform(45, 85),
        warmest=random.uniform(308, 320),
        stability=random.uniform(5, 15),
        friction=random.uniform(0.7, 2.0),
        mountains=mountains,
    )


def simulate(
    climate: Climate, *, days: int, spin_up: int, every: float = 3.0, rows: int = 32, layers: int = 8, seed: int = 0
) -> Iterator[dict[str, np.ndarray]]:
    """Yield the states of one run, ten days at a time, after `spin_up` days from rest.

    Each holds `msl` (Pa), `t2m`, `u10`, `v10` (of the lowest layer), `orog` (m), each (time, latitude, longitude), and
    `z`, `t`, `u`, `v` on `LEVELS`, (time, level, latitude, longitude), in SI units, from south to north. Below the
    ground temperature and geopotential are continued downwards and winds kept.

    Args:
        every: hours between states.
        rows: of the Gaussian grid, one of `TRUNCATIONS`; there are twice as many columns.
        layers: equidistant in sigma.
        seed: of a small perturbation of the resting state.

    Raises:
        ModuleNotFoundError: dinosaur is not installed; names the extra.
        FloatingPointError: the run became unstable.
    """
    about = {"rows": rows, "layers": layers, "seed": seed}
    return simulated(_Model, climate, days=days, spin_up=spin_up, every=every, **about)


class _Model(SpectralModel):
    """Primitive equations on sigma layers."""

    def __init__(self, climate: Climate, *, rows: int, layers: int, every: float, seed: int) -> None:
        super().__init__(rows=rows, every=every, mountains=climate.mountains, seed=seed)
        core, units = self.dinosaur, self.units
        vertical = core.sigma_coordinates.SigmaCoordinates.equidistant(layers)
        self.coords = core.coordinate_systems.CoordinateSystem(self.horizontal, vertical)
        self.rest, about = core.primitive_equations_states.isothermal_rest_atmosphere(
            self.coords, self.specs, p1=1e3 * units.pascal, surface_height=self.height * units.meter
        )
        self.reference = about[core.xarray_utils.REF_TEMP_KEY]
        ground = core.primitive_equations.truncated_modal_orography(
            np.asarray(about[core.xarray_utils.OROGRAPHY], np.float32), self.coords
        )
        self.ground = np.asarray(self.horizontal.to_nodal(ground))
        dynamics = core.primitive_equations.PrimitiveEquationsSigma(self.reference, ground, self.coords, self.specs)
        forcing = core.held_suarez.HeldSuarezForcingSigma(
            self.coords, self.specs, self.reference,
            kf=1 / (climate.friction * units.day), maxT=climate.warmest * units.degK,
            dTy=climate.contrast * units.degK, dThz=climate.stability * units.degK,
        )  # fmt: skip
        self.advance = self.stepper(dynamics, forcing)

    def start(self) -> Any:
        """The resting atmosphere, slightly perturbed."""
        return self.rest(self.jax.random.PRNGKey(self.seed))

    def nodal(self, state: Any) -> dict[str, Any]:
        """Temperature, winds, geopotential on sigma layers, logarithm of surface pressure."""
        grid, core = self.horizontal, self.dinosaur
        temperature = self.reference[:, None, None] + grid.to_nodal(state.temperature_variation)
        u, v = core.spherical_harmonic.vor_div_to_uv_nodal(grid, state.vorticity, state.divergence)
        geopotential = core.primitive_equations.get_geopotential_on_sigma(
            temperature,
            nodal_orography=self.ground,
            sigma=self.coords.vertical,
            gravity_acceleration=self.specs.gravity_acceleration,
            ideal_gas_constant=self.specs.ideal_gas_constant,
        )
        log_pressure = grid.to_nodal(state.log_surface_pressure)
        return {"t": temperature, "u": u, "v": v, "z": geopotential, "log_pressure": log_pressure}

    def in_si(self, found: dict[str, Any]) -> dict[str, np.ndarray]:
        """What `simulate` yields."""
        units = self.units
        kinds = {"t": units.degK, "u": units.m / units.s, "v": units.m / units.s, "z": units.m**2 / units.s**2}
        si = {n: self.si(found[n], unit) for n, unit in kinds.items()}
        pressure = self.si(np.exp(np.asarray(found["log_pressure"], np.float64)), units.pascal)
        height = self.si(self.ground, units.meter)
        made = {n: on_levels(si[n], pressure, self.coords.vertical.centers, n in "zt") for n in kinds}
        made |= {"t2m": si["t"][:, -1], "u10": si["u"][:, -1], "v10": si["v"][:, -1]}
        mean = si["t"][:, -1] + LAPSE * height / 2
        made["msl"] = pressure[:, 0] * np.exp(GRAVITY * height / (GAS * mean))
        made["orog"] = np.broadcast_to(height, made["msl"].shape)
        return {n: np.ascontiguousarray(x, dtype=np.float32) for n, x in made.items()}


def on_levels(x: np.ndarray, surface: np.ndarray, sigma: np.ndarray, continued: bool) -> np.ndarray:
    """Values (time, sigma, h, w) on `LEVELS`, linear in the logarithm of pressure.

    Args:
        surface: pressure (time, 1, h, w), Pa.
        sigma: centres of the layers, from the top.
        continued: beyond the lowest layer go on as between the two lowest, else keep the value.
    """
    logs = np.log(np.asarray(sigma, np.float64))
    made = []
    for level in LEVELS:
        at = np.log(100 * level / surface)
        above = np.clip(np.searchsorted(logs, at[:, 0], side="right") - 1, 0, len(logs) - 2)[:, None]
        share = (at - logs[above]) / (logs[above + 1] - logs[above])
        share = share if continued else share.clip(0, 1)
        low, high = np.take_along_axis(x, above, 1), np.take_along_axis(x, above + 1, 1)
        made.append(low + share * (high - low))
    return np.concatenate(made, axis=1)
