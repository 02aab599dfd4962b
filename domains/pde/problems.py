"""The problems that Humboldt can generate: equations, fields, units, snapshot times, and the solver behind each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from inspect import signature

import numpy as np

from .solvers import gas_conditions as gas
from .solvers import initial_conditions as start
from .solvers.families import (
    compressible,
    flows,
    forced_flows,
    gases,
    phases,
    reactions,
    shallow_waters,
    transports,
    waves,
)
from .solvers.media import gaussian_speed, layered_speed
from .solvers.steady_families import steady_sources, steady_waves

POSEIDON = "Poseidon, arXiv 2405.19101, supplement"


@dataclass(frozen=True, kw_only=True)
class Field:
    """One variable of a problem; ``group`` joins the components of one vector, for losses and scores."""

    name: str
    long_name: str
    group: str
    units: str = "1"
    standard_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A family of initial value problems on a square, with a random initial state for every sample.

    ``times`` are the default snapshot times in ``time_units``, ``length`` is the side of the square in
    ``length_units``; ``constraint`` says what the fields leave unknown; ``choices`` are the options it was made with.
    """

    name: str
    title: str
    equation: str
    fields: tuple[Field, ...]
    times: tuple[float, ...]
    solver: Callable[[Sequence[np.random.Generator], int, Sequence[float]], np.ndarray]
    source: str
    constraint: str = ""
    length: float = 1.0
    periodic: bool = True
    time_units: str = "1"
    length_units: str = "1"
    choices: Mapping[str, str] = field(default_factory=dict)

    def solve(
        self,
        samples: int | Sequence[int],
        *,
        seed: int = 0,
        resolution: int = 64,
        times: Sequence[float] | None = None,
    ) -> np.ndarray:
        """Trajectories ``[sample, time, field, x, y]``, float32, of the first ``samples`` or of the listed ones.

        Sample i of a seed is the same whatever it is solved with. Raises `UnstableSolutionError`, never NaN.
        """
        chosen = range(samples) if isinstance(samples, int) else samples
        generators = [sample_generator(seed, sample) for sample in chosen]
        return self.solver(generators, resolution, self.times if times is None else times).astype(np.float32)


def sample_generator(seed: int, sample: int) -> np.random.Generator:
    """The random numbers of one sample of a seed."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(sample,)))


def snapshots(end: float, count: int) -> tuple[float, ...]:
    """``count`` equidistant times from 0 to ``end``, both included."""
    return tuple(np.linspace(0, end, count).tolist())


VELOCITY = (
    Field(name="velocity_x", long_name="velocity along x", group="velocity"),
    Field(name="velocity_y", long_name="velocity along y", group="velocity"),
)
TRACER = Field(name="tracer", long_name="concentration of a passive tracer", group="tracer")


def incompressible(
    name: str, title: str, initial: Callable, spin_up: float = 0.0, disc: bool = False
) -> Callable[..., Problem]:
    """A maker of an incompressible Navier–Stokes problem, with the choices ``tracer`` and ``viscosity``."""

    def make(*, tracer: bool = disc, viscosity: str = "newtonian") -> Problem:
        one_of("viscosity", viscosity, ("newtonian", "spectral"))
        kind = ("disc" if disc else "random") if tracer else None
        return Problem(
            name=name,
            title=title,
            equation="u_t + u.grad u + grad p = D u, div u = 0" + (", q_t + u.grad q = D q" if tracer else ""),
            fields=(*VELOCITY, TRACER) if tracer else VELOCITY,
            times=snapshots(1.0, 21),
            solver=partial(flows, start=initial, tracer=kind, viscosity=viscosity, spin_up=spin_up),
            source=POSEIDON,
            constraint="incompressible: density is 1 everywhere, pressure is not a field (masked)",
            choices={"tracer": str(kind), "viscosity": viscosity},
        )

    return make


def kolmogorov(*, viscosity: str = "newtonian") -> Problem:
    """A flow that is forced steadily."""
    one_of("viscosity", viscosity, ("newtonian", "spectral"))
    return Problem(
        name="fns-kf",
        title="Incompressible flow from cells of constant vorticity under a steady forcing",
        equation="w_t + u.grad w = 0.1 sin(2 pi (x + y)) + D w, w = curl u, div u = 0",
        fields=(*VELOCITY, Field(name="forcing", long_name="forcing of the vorticity", group="forcing")),
        times=snapshots(1.0, 21),
        solver=partial(forced_flows, viscosity=viscosity),
        source=POSEIDON + "; the published forcing is of the velocity",
        constraint="incompressible; forcing is constant in time",
        choices={"viscosity": viscosity},
    )


def ideal_gas(name: str, title: str, initial: gas.GasStart, end: float = 1.0) -> Callable[..., Problem]:
    """A maker of a compressible Euler problem, with the choice ``refinement``."""

    def make(*, refinement: str = "2") -> Problem:
        one_of("refinement", refinement, ("1", "2", "4", "8"))
        return Problem(
            name=name,
            title=title,
            equation="compressible Euler equations, gamma = 1.4",
            fields=(
                Field(name="density", long_name="density", group="density"),
                *VELOCITY,
                Field(name="pressure", long_name="pressure", group="pressure"),
            ),
            times=snapshots(end, 21),
            solver=partial(compressible, start=initial, refinement=int(refinement)),
            source=POSEIDON + "; solved on refinement x resolution cells, the published ones on 512 x 512",
            constraint="density and pressure are positive",
            choices={"refinement": refinement},
        )

    return make


def poisson_gauss() -> Problem:
    """A steady problem: the potential of Gaussian sources."""
    return Problem(
        name="poisson-gauss",
        title="Poisson equation with Gaussian sources",
        equation="-Lap u = f, u = 0 on the boundary",
        fields=(
            Field(name="source", long_name="source", group="source"),
            Field(name="solution", long_name="solution", group="solution"),
        ),
        times=(0.0, 1.0),
        solver=steady_sources,
        source=POSEIDON + "; the published amplitudes are not said, these are 1 or -1",
        constraint="steady: the solution is 0 at time 0 and the answer at time 1; source is constant",
        periodic=False,
    )


def helmholtz_gauss() -> Problem:
    """A steady problem: a standing wave in a medium of Gaussian bumps."""
    return Problem(
        name="helmholtz",
        title="Helmholtz equation with a variable coefficient",
        equation="-Lap u - (5 pi / 2)^2 a u = 0, u = b on the boundary",
        fields=(
            Field(name="coefficient", long_name="coefficient of the medium", group="coefficient"),
            Field(name="boundary", long_name="value on the boundary", group="boundary"),
            Field(name="solution", long_name="solution", group="solution"),
        ),
        times=(0.0, 1.0),
        solver=steady_waves,
        source=POSEIDON,
        constraint="steady: the solution is 0 at time 0 and the answer at time 1; the other fields are constant",
        periodic=False,
    )


def allen_cahn() -> Problem:
    """Separation of two phases."""
    return Problem(
        name="ace",
        title="Allen–Cahn equation",
        equation="u_t = Lap u - 220^2 u (u^2 - 1)",
        fields=(Field(name="phase", long_name="phase", group="phase"),),
        times=snapshots(2e-4, 20),
        solver=phases,
        source=POSEIDON,
    )


def acoustic(name: str, title: str, medium: Callable) -> Callable[..., Problem]:
    """A maker of an acoustic wave problem, with the choice ``boundary``."""

    def make(*, boundary: str = "absorbing") -> Problem:
        one_of("boundary", boundary, ("absorbing", "periodic"))
        return Problem(
            name=name,
            title=title,
            equation="u_tt = c^2 Lap u",
            fields=(
                Field(name="displacement", long_name="displacement", group="displacement"),
                Field(name="sound_speed", long_name="speed of sound", group="sound_speed", units="m s-1"),
            ),
            times=snapshots(5e-4, 15),
            solver=partial(waves, medium=medium, boundary=boundary),
            source=POSEIDON + "; the final time is ours",
            constraint="sound_speed is constant in time; the displacement starts at rest",
            periodic=boundary == "periodic",
            time_units="s",
            length_units="m",
            choices={"boundary": boundary},
        )

    return make


def steady_advection() -> Problem:
    """Transport by a velocity that is part of the state."""
    scalars = [Field(name=f"scalar_{n}", long_name=f"transported scalar {n}", group="scalar") for n in (1, 2)]
    return Problem(
        name="advection",
        title="Two scalars in a steady velocity with divergence",
        equation="q_t + a.grad q = 4e-4 Lap q, a_t = 0",
        fields=(*VELOCITY, *scalars),
        times=snapshots(1.0, 21),
        solver=transports,
        source="Humboldt",
        constraint="the velocity is constant in time",
    )


def rotating_shallow_water(*, rotating: bool = True) -> Problem:
    """Gravity waves and vortices; without rotation with ``rotating=False``."""
    coriolis = 5.0 if rotating else 0.0
    return Problem(
        name="shallow-water",
        title="Weakly nonlinear shallow water",
        equation=f"h_t + div(h u) = 0, u_t + u.grad u + {coriolis:g} z x u = -grad h + 1e-3 Lap u",
        fields=(Field(name="depth", long_name="depth of the water", group="depth"), *VELOCITY),
        times=snapshots(1.0, 21),
        solver=partial(shallow_waters, coriolis=coriolis),
        source="Humboldt",
        choices={"rotating": str(rotating)},
    )


def viscous_isothermal_gas() -> Problem:
    """From a Mach number of about 0.3, where sound is fast, to about 8, where pressure hardly acts."""
    return Problem(
        name="isothermal-gas",
        title="Viscous isothermal gas of any Mach number",
        equation="q_t + u.grad q + div u = nu Lap q, u_t + u.grad u + c^2 grad q = nu Lap u, q = ln(density)",
        fields=(
            Field(name="log_density", long_name="logarithm of the density", group="log_density"),
            *VELOCITY,
            Field(name="sound_speed", long_name="speed of sound", group="sound_speed"),
        ),
        times=snapshots(0.5, 21),
        solver=gases,
        source="Humboldt",
        constraint="sound_speed is constant in space and time",
    )


def fitzhugh_nagumo() -> Problem:
    """An activator and an inhibitor."""
    return Problem(
        name="reaction-diffusion",
        title="FitzHugh–Nagumo reaction and diffusion",
        equation="u_t = 2.5e-4 Lap u + u - u^3 - 5e-3 - v, v_t = 1.25e-3 Lap v + u - v",
        fields=(
            Field(name="activator", long_name="concentration of the activator", group="activator"),
            Field(name="inhibitor", long_name="concentration of the inhibitor", group="inhibitor"),
        ),
        times=snapshots(5.0, 21),
        solver=reactions,
        source="PDEBench, arXiv 2210.07182, appendix D; periodic and smooth initial fields are ours",
    )


MAKERS: Mapping[str, Callable[..., Problem]] = {
    "ns-sines": incompressible("ns-sines", "Incompressible flow from sines", start.sines),
    "ns-gauss": incompressible("ns-gauss", "Incompressible flow from Gaussian vortices", start.gaussians),
    "ns-pwc": incompressible("ns-pwc", "Incompressible flow from cells of constant vorticity", start.cells),
    "ns-sl": incompressible("ns-sl", "Incompressible double shear layer", start.shear_layer),
    "ns-bb": incompressible("ns-bb", "Incompressible flow from a Brownian bridge", start.brownian_bridge, spin_up=0.5),
    "ns-svs": incompressible("ns-svs", "Incompressible flow of a vortex sheet", start.vortex_sheet),
    "ns-tracer-pwc": incompressible("ns-tracer-pwc", "Passive tracer in the flow of ns-pwc", start.cells, disc=True),
    "fns-kf": kolmogorov,
    "ce-rp": ideal_gas("ce-rp", "Four constant states of a gas", gas.quadrants),
    "ce-crp": ideal_gas("ce-crp", "Four states of a gas behind curved interfaces", gas.curved_quadrants),
    "ce-kh": ideal_gas("ce-kh", "Kelvin–Helmholtz instability of a gas", gas.kelvin_helmholtz),
    "ce-gauss": ideal_gas("ce-gauss", "Gaussian vortices in a gas", gas.gaussian_vortices),
    "ce-rpui": ideal_gas("ce-rpui", "Four fast states of a gas behind rippled interfaces", gas.fast_quadrants),
    "ce-rm": ideal_gas("ce-rm", "Richtmyer–Meshkov instability of a gas", gas.richtmyer_meshkov, end=2.0),
    "poisson-gauss": poisson_gauss,
    "helmholtz": helmholtz_gauss,
    "ace": allen_cahn,
    "wave-gauss": acoustic("wave-gauss", "Acoustic waves through Gaussian bumps of the speed", gaussian_speed),
    "wave-layer": acoustic("wave-layer", "Acoustic waves through layers", layered_speed),
    "advection": steady_advection,
    "shallow-water": rotating_shallow_water,
    "isothermal-gas": viscous_isothermal_gas,
    "reaction-diffusion": fitzhugh_nagumo,
}
PROBLEMS = tuple(MAKERS)


def problem(name: str, **choices: str | bool) -> Problem:
    """The problem of that name, for example ``problem("ns-sines", tracer=True)``.

    Raises ValueError with the nearest names, or naming the choices that the problem has.
    """
    if name not in MAKERS:
        near = get_close_matches(name, PROBLEMS, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise ValueError(f"a problem must be one that is known, got {name!r}; {hint}Known: {', '.join(PROBLEMS)}")
    known = tuple(signature(MAKERS[name]).parameters)
    for choice in choices:
        if choice not in known:
            raise ValueError(f"{name} has the choices {', '.join(known) or '(none)'}, got {choice!r}; leave it out")
    return MAKERS[name](**choices)


def one_of(option: str, value: str, allowed: Sequence[str]) -> None:
    """Refuse a value that is not among those allowed."""
    if value not in allowed:
        raise ValueError(f"{option} must be one of {', '.join(allowed)}, got {value!r}")
