"""The problems that Humboldt can generate: a table of equations, fields, units, snapshot times and solvers."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from .problem_kinds import (
    GAS,
    PDEBENCH,
    POSEIDON,
    PRECISION,
    REFINEMENT,
    SPECIES,
    VELOCITY,
    VISCOSITY,
    acoustic,
    flow,
    ideal_gas,
    scalar,
)
from .problem_type import Option, Problem, snapshots
from .solvers import gas_conditions as gas
from .solvers import initial_conditions as start
from .solvers.families import forced_flows, gases, phases, reactions, shallow_waters, transports
from .solvers.gas_families import stars
from .solvers.line_families import burgers_lines, flame_fronts, reactions_in_space
from .solvers.media import gaussian_speed, layered_speed
from .solvers.steady_families import airfoils, steady_sources, steady_waves

KNOWN: Mapping[str, Problem] = {entry.name: entry for entry in (
    flow("ns-sines", "Incompressible flow from sines", start=start.sines),
    flow("ns-gauss", "Incompressible flow from Gaussian vortices", start=start.gaussians),
    flow("ns-pwc", "Incompressible flow from cells of constant vorticity", start=start.cells, rollout="autoregressive"),
    flow("ns-sl", "Incompressible double shear layer", start=start.shear_layer, rollout="autoregressive"),
    flow(
        "ns-bb", "Incompressible flow from a Brownian bridge",
        start=start.brownian_bridge, spin_up=0.5, rollout="autoregressive",
    ),
    flow("ns-svs", "Incompressible flow of a vortex sheet", start=start.vortex_sheet, rollout="autoregressive"),
    flow(
        "ns-tracer-pwc", "Passive tracer in the flow of ns-pwc",
        tracer="disc", start=start.cells, rollout="autoregressive",
    ),
    Problem(
        name="fns-kf",
        title="Incompressible flow from cells of constant vorticity under a steady forcing",
        equation="w_t + u.grad w = 0.1 sin(2 pi (x + y)) + D w, w = curl u, div u = 0",
        fields=(*VELOCITY, scalar("forcing", "forcing of the vorticity")),
        times=snapshots(1.0, 21),
        solver=forced_flows,
        source=POSEIDON + "; the published forcing is of the velocity",
        constraint="incompressible; forcing is constant in time",
        options={"viscosity": VISCOSITY, "precision": PRECISION},
    ),
    ideal_gas("ce-rp", "Four constant states of a gas", gas.quadrants),
    ideal_gas("ce-crp", "Four states of a gas behind curved interfaces", gas.curved_quadrants),
    ideal_gas("ce-kh", "Kelvin–Helmholtz instability of a gas", gas.kelvin_helmholtz),
    ideal_gas("ce-gauss", "Gaussian vortices in a gas", gas.gaussian_vortices),
    ideal_gas(
        "ce-rpui", "Four fast states of a gas behind rippled interfaces", gas.fast_quadrants, rollout="autoregressive"
    ),
    ideal_gas("ce-rm", "Richtmyer–Meshkov instability of a gas", gas.richtmyer_meshkov, end=2.0),
    Problem(
        name="gce-rt",
        title="Rayleigh–Taylor instability of a star",
        equation="compressible Euler equations with gravity, gamma = 2",
        fields=(*GAS, scalar("gravity", "gravitational potential")),
        times=snapshots(5.0, 11),
        solver=stars,
        source=POSEIDON + "; walls around the square are ours",
        constraint="density and pressure are positive; gravity is constant in time",
        first=-0.5,
        cells=True,
        periodic=False,
        options={"refinement": REFINEMENT},
    ),
    Problem(
        name="se-af",
        title="Steady transonic flow round an airfoil",
        equation="steady compressible Euler equations, gamma = 1.4, round a varied RAE 2822",
        fields=(scalar("shape", "share of the airfoil in a cell"), scalar("density", "density over that far away")),
        times=(0.0, 1.0),
        solver=airfoils,
        source=POSEIDON + "; heights of the bumps and the mesh are ours",
        constraint="steady: density is 1 at time 0 and the answer at time 1, and 1 inside of the airfoil; "
        "shape is constant",
        solid="shape",
        length=2.5,
        first=-0.75,
        cells=True,
        periodic=False,
        options={
            "mesh": Option(default="96", values={str(number): number for number in (48, 64, 96, 128, 192)}),
            "mach": Option(default=0.729, between=(0.2, 0.8)),
            "angle": Option(default=2.31, between=(-4.0, 4.0)),
        },
    ),
    Problem(
        name="poisson-gauss",
        title="Poisson equation with Gaussian sources",
        equation="-Lap u = f, u = 0 on the boundary",
        fields=(scalar("source", "source"), scalar("solution", "solution")),
        times=(0.0, 1.0),
        solver=steady_sources,
        source=POSEIDON + "; the published amplitudes are not said, these are 1 or -1",
        constraint="steady: the solution is 0 at time 0 and the answer at time 1; source is constant",
        cells=True,
        periodic=False,
    ),
    Problem(
        name="helmholtz",
        title="Helmholtz equation with a variable coefficient",
        equation="-Lap u - (5 pi / 2)^2 a u = 0, u = b on the boundary",
        fields=(
            scalar("coefficient", "coefficient of the medium"),
            scalar("boundary", "value on the boundary"),
            scalar("solution", "solution"),
        ),
        times=(0.0, 1.0),
        solver=steady_waves,
        source=POSEIDON,
        constraint="steady: the solution is 0 at time 0 and the answer at time 1; the other fields are constant",
        cells=True,
        periodic=False,
    ),
    Problem(
        name="ace",
        title="Allen–Cahn equation",
        equation="u_t = Lap u - 220^2 u (u^2 - 1)",
        fields=(scalar("phase", "phase"),),
        times=snapshots(2e-4, 20),
        solver=phases,
        options={"precision": PRECISION},
        source=POSEIDON,
    ),
    acoustic("wave-gauss", "Acoustic waves through Gaussian bumps of the speed", gaussian_speed, frames=15),
    acoustic("wave-layer", "Acoustic waves through layers", layered_speed, frames=21),
    Problem(
        name="advection",
        title="Two scalars in a steady velocity with divergence",
        equation="q_t + a.grad q = 4e-4 Lap q, a_t = 0",
        fields=(*VELOCITY, *(scalar(f"scalar_{n}", f"transported scalar {n}", group="scalar") for n in (1, 2))),
        times=snapshots(1.0, 21),
        solver=transports,
        options={"precision": PRECISION},
        source="Humboldt",
        constraint="the velocity is constant in time",
    ),
    Problem(
        name="shallow-water",
        title="Weakly nonlinear shallow water",
        equation="h_t + div(h u) = 0, u_t + u.grad u + 5 z x u = -grad h + 1e-3 Lap u",
        fields=(scalar("depth", "depth of the water"), *VELOCITY),
        times=snapshots(1.0, 21),
        solver=shallow_waters,
        source="Humboldt",
        options={
            "rotating": Option(
                default=True,
                values={True: True, False: False},
                changes={False: {"equation": "h_t + div(h u) = 0, u_t + u.grad u = -grad h + 1e-3 Lap u"}},
            ),
            "precision": PRECISION,
        },
    ),
    Problem(
        name="isothermal-gas",
        title="Viscous isothermal gas of any Mach number",
        equation="q_t + u.grad q + div u = nu Lap q, u_t + u.grad u + c^2 grad q = nu Lap u, q = ln(density)",
        fields=(
            scalar("log_density", "logarithm of the density"), *VELOCITY, scalar("sound_speed", "speed of sound"),
        ),
        times=snapshots(0.5, 21),
        solver=gases,
        options={"precision": PRECISION},
        source="Humboldt",
        constraint="sound_speed is constant in space and time",
    ),
    Problem(
        name="reaction-diffusion",
        title="FitzHugh–Nagumo reaction and diffusion",
        equation="u_t = 2.5e-4 Lap u + u - u^3 - 5e-3 - v, v_t = 1.25e-3 Lap v + u - v",
        fields=SPECIES,
        times=snapshots(5.0, 21),
        solver=reactions,
        options={"precision": PRECISION},
        source=PDEBENCH + "; periodic and smooth initial fields are ours",
    ),
    Problem(
        name="burgers-1d",
        title="Burgers equation on a line",
        equation="u_t + u u_x = nu u_xx",
        fields=(scalar("velocity", "velocity"), scalar("viscosity", "viscosity")),
        times=snapshots(1.0, 21),
        solver=burgers_lines,
        options={"precision": PRECISION},
        source=PDEBENCH + "; smooth random initial states are ours",
        constraint="viscosity is constant in space and time, another one in every sample",
        axes=1,
        resolutions=(64, 4096),
    ),
    Problem(
        name="ks-1d",
        title="Kuramoto–Sivashinsky equation on a line",
        equation="u_t + u u_x + u_xx + u_xxxx = 0",
        fields=(scalar("slope", "slope of a flame front"),),
        times=snapshots(10.0, 21),
        solver=flame_fronts,
        options={"precision": PRECISION},
        source="Kassam and Trefethen, SIAM J. Sci. Comput. 26, 2005; a spin-up of 100 from random waves is ours",
        axes=1,
        length=64.0,
        resolutions=(64, 2048),
    ),
    Problem(
        name="reaction-3d",
        title="FitzHugh–Nagumo reaction and diffusion in a cube",
        equation="u_t = 2.5e-3 Lap u + u - u^3 - 5e-3 - v, v_t = 1.25e-2 Lap v + u - v",
        fields=SPECIES,
        times=snapshots(5.0, 11),
        solver=reactions_in_space,
        options={"precision": PRECISION},
        source=PDEBENCH + ", ten times as diffusive for coarse grids",
        axes=3,
        resolutions=(8, 128),
    ),
)}  # fmt: skip
PROBLEMS = tuple(KNOWN)
PRETRAINING = ("ns-sines", "ns-gauss", "ce-rp", "ce-crp", "ce-kh", "ce-gauss")
"""What the published Poseidon models are pretrained on."""
DOWNSTREAM = (
    "ns-pwc", "ns-svs", "ns-bb", "ns-sl", "ns-tracer-pwc", "fns-kf", "ce-rpui", "ce-rm", "gce-rt",
    "wave-layer", "wave-gauss", "ace", "se-af", "poisson-gauss", "helmholtz",
)  # fmt: skip
"""What they are tuned to."""


def problem(name: str, **choices: Any) -> Problem:
    """The problem of that name, for example ``problem("ns-sines", tracer=True)``.

    Raises ValueError with the nearest names, or naming the choices that the problem has.
    """
    if name not in KNOWN:
        near = get_close_matches(name, PROBLEMS, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise ValueError(f"a problem must be one that is known, got {name!r}; {hint}Known: {', '.join(PROBLEMS)}")
    return KNOWN[name].chosen(**choices)
