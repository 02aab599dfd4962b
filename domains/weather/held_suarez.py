"""A dry general circulation model on the sphere: primitive equations with the forcing of Held and Suarez (1994).

The dynamical core is that of the `dinosaur` package: spectral in the horizontal, sigma layers in the vertical, a
semi-implicit step. What is drawn for every run: the radiative equilibrium, the friction, and a few smooth mountains.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np

from humboldt.data_catalog import DataError

from .grid import Grid

TRUNCATIONS = {32: (21, 30), 48: (31, 30), 64: (42, 20), 128: (85, 10)}
"""Gaussian rows -> highest wavenumber (quadratic products are exact), minutes of a step."""
LEVELS = (250.0, 500.0, 850.0)  # hPa
GAS, GRAVITY, LAPSE = 287.0, 9.80616, 0.0065  # J kg-1 K-1, m s-2, K m-1


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
    mountains = tuple(
        Mountain(
            height=random.uniform(500, 3000),
            latitude=random.uniform(-60, 60),
            longitude=random.uniform(0, 360),
            width=random.uniform(12, 25),
        )
        for _ in range(random.integers(0, 4))
    )
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
    chunk, left = round(240 / every), round(days * 24 / every)
    # JAX runs threads, and a process that has loaded it can no longer be forked safely: it is loaded in one of its own
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
        apart.submit(_begin, climate, rows, layers, every, seed).result()
        for _ in range(round(spin_up / 10)):
            apart.submit(_advance, chunk).result()
        for first in range(0, left, chunk):
            fields = apart.submit(_advance, min(chunk, left - first)).result()
            if not all(np.isfinite(x).all() for x in fields.values()):
                raise FloatingPointError(f"the simulation became unstable for {climate}; choose another seed")
            yield fields


_under_way: list[Any] = []
"""In the process of a simulation: its model and the state that it has reached."""


def _begin(*about: Any) -> None:
    model = _Model(*about)
    _under_way[:] = [model, model.start()]


def _advance(count: int) -> dict[str, np.ndarray]:
    model, state = _under_way
    _under_way[1], found = model.run(state, count)
    return {name: np.asarray(values) for name, values in model.in_si(found).items()}


def gaussian_grid(rows: int) -> Grid:
    """The Gaussian grid of a truncation, from south to north.

    Raises:
        DataError: a number of rows without a truncation.
    """
    if rows not in TRUNCATIONS:
        raise DataError(f"a simulation has one of {sorted(TRUNCATIONS)} rows, got {rows}; choose one of them")
    latitude = np.rad2deg(np.arcsin(np.polynomial.legendre.leggauss(rows)[0]))
    return Grid(tuple(latitude.tolist()), tuple((360 / (2 * rows) * np.arange(2 * rows)).tolist()))


class _Model:
    """The equations of one run, compiled."""

    def __init__(self, climate: Climate, rows: int, layers: int, every: float, seed: int) -> None:
        try:
            import dinosaur
            import jax
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "simulations of the atmosphere need dinosaur and JAX; pip install 'humboldt[generation]'"
            ) from error
        self.jax, self.seed, self.every = jax, seed, every
        self.grid = gaussian_grid(rows)
        units = dinosaur.scales.units
        self.specs = dinosaur.units.SimUnits.from_si()
        horizontal = dinosaur.spherical_harmonic.Grid.construct(
            max_wavenumber=TRUNCATIONS[rows][0], gaussian_nodes=rows // 2
        )
        vertical = dinosaur.sigma_coordinates.SigmaCoordinates.equidistant(layers)
        self.coords = dinosaur.coordinate_systems.CoordinateSystem(horizontal, vertical)
        places = np.meshgrid(np.asarray(self.grid.longitude), np.asarray(self.grid.latitude), indexing="ij")
        height = sum((m.altitude(places[1], places[0]) for m in climate.mountains), np.zeros_like(places[0]))
        self.rest, about = dinosaur.primitive_equations_states.isothermal_rest_atmosphere(
            self.coords, self.specs, p1=1e3 * units.pascal, surface_height=height * units.meter
        )
        self.reference = about[dinosaur.xarray_utils.REF_TEMP_KEY]
        ground = dinosaur.primitive_equations.truncated_modal_orography(
            np.asarray(about[dinosaur.xarray_utils.OROGRAPHY], np.float32), self.coords
        )
        self.ground = np.asarray(horizontal.to_nodal(ground))
        dynamics = dinosaur.primitive_equations.PrimitiveEquationsSigma(self.reference, ground, self.coords, self.specs)
        forcing = dinosaur.held_suarez.HeldSuarezForcingSigma(
            self.coords, self.specs, self.reference,
            kf=1 / (climate.friction * units.day), maxT=climate.warmest * units.degK,
            dTy=climate.contrast * units.degK, dThz=climate.stability * units.degK,
        )  # fmt: skip
        minutes = TRUNCATIONS[rows][1]
        step = self.specs.nondimensionalize(minutes * units.minute)
        stepping = dinosaur.time_integration
        advance = stepping.step_with_filters(
            stepping.imex_rk_sil3(stepping.compose_equations([dynamics, forcing]), step),
            [stepping.exponential_step_filter(horizontal, step)],
        )
        self.inner, self.advance, self.dinosaur = round(every * 60 / minutes), advance, dinosaur
        self._compiled: dict[int, Any] = {}

    def start(self) -> Any:
        """The resting atmosphere, slightly perturbed."""
        return self.rest(self.jax.random.PRNGKey(self.seed))

    def run(self, state: Any, count: int) -> tuple[Any, Any]:
        """`count` states further: the last one, and what is kept of each."""
        if count not in self._compiled:
            trajectory = self.dinosaur.time_integration.trajectory_from_step(
                self.advance, count, self.inner, post_process_fn=self._nodal
            )
            self._compiled[count] = self.jax.jit(trajectory)
        return self._compiled[count](state)

    def _nodal(self, state: Any) -> dict[str, Any]:
        grid, core = self.coords.horizontal, self.dinosaur
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
        """What `simulate` yields, from (time, sigma, longitude, latitude) in units of the model."""
        units = self.dinosaur.scales.units
        kinds = {"t": units.degK, "u": units.m / units.s, "v": units.m / units.s, "z": units.m**2 / units.s**2}
        si = {n: self.specs.dimensionalize(np.asarray(found[n], np.float64), unit).m for n, unit in kinds.items()}
        si = {n: np.swapaxes(x, -1, -2) for n, x in si.items()}
        pressure = self.specs.dimensionalize(np.exp(np.asarray(found["log_pressure"], np.float64)), units.pascal).m
        pressure = np.swapaxes(pressure, -1, -2)
        height = np.swapaxes(self.specs.dimensionalize(self.ground, units.meter).m, -1, -2)
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
