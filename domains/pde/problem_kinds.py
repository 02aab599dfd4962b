"""Kinds of problems that come in many families: flows, gases, waves; and the fields and choices that they share."""

from collections.abc import Callable
from functools import partial
from typing import Any

from .problem_type import Field, Option, Problem, Rollout, snapshots
from .solvers.families import flows, waves
from .solvers.gas_conditions import GasStart
from .solvers.gas_families import compressible

POSEIDON = "Poseidon, arXiv 2405.19101, supplement"
PDEBENCH = "PDEBench, arXiv 2210.07182, appendix D"


def scalar(name: str, long_name: str, units: str = "1", group: str = "") -> Field:
    """A field of a group of its own, or of the one given."""
    return Field(name=name, long_name=long_name, units=units, group=group or name)


def one_of(default: str, *others: str, **changes: Any) -> Option:
    """A choice among words."""
    return Option(default=default, values={word: word for word in (default, *others)}, **changes)


VELOCITY = (
    scalar("velocity_x", "velocity along x", group="velocity"),
    scalar("velocity_y", "velocity along y", group="velocity"),
)
TRACER = scalar("tracer", "concentration of a passive tracer")
GAS = (scalar("density", "density"), *VELOCITY, scalar("pressure", "pressure"))
SPECIES = (
    scalar("activator", "concentration of the activator"),
    scalar("inhibitor", "concentration of the inhibitor"),
)
VISCOSITY = one_of("newtonian", "spectral")
PRECISION = one_of("double", "single", silent=True)
REFINEMENT = Option(default="2", values={str(number): number for number in (1, 2, 4, 8)})
WITH_TRACER = {"fields": (*VELOCITY, TRACER)}
CARRYING = {"fields": (*GAS, TRACER)}


def flow(name: str, title: str, tracer: str = "random", rollout: Rollout = "direct", **start: Any) -> Problem:
    """An incompressible flow; ``tracer`` is the kind that it can have, ``start`` how it begins."""
    return Problem(
        name=name,
        title=title,
        equation="u_t + u.grad u + grad p = D u, div u = 0; a tracer obeys q_t + u.grad q = D q",
        fields=VELOCITY,
        times=snapshots(1.0, 21),
        solver=partial(flows, **start),
        source=POSEIDON,
        rollout=rollout,
        constraint="incompressible: density is 1 everywhere, pressure is not a field (masked)",
        options={
            "tracer": Option(
                default=tracer == "disc", values={False: None, True: tracer}, changes={True: WITH_TRACER}
            ),
            "viscosity": VISCOSITY,
            "precision": PRECISION,
        },
    )  # fmt: skip


def ideal_gas(name: str, title: str, initial: GasStart, end: float = 1.0, rollout: Rollout = "direct") -> Problem:
    """Compressible Euler equations from a random start."""
    return Problem(
        name=name,
        title=title,
        equation="compressible Euler equations, gamma = 1.4",
        fields=GAS,
        times=snapshots(end, 21),
        solver=partial(compressible, start=initial),
        source=POSEIDON + "; solved on refinement x resolution cells, the published ones on 512 x 512",
        constraint="density and pressure are positive",
        rollout=rollout,
        cells=True,
        options={
            "refinement": REFINEMENT,
            "tracer": Option(
                default=False, values={False: False, True: True}, changes={True: CARRYING}, silent=True
            ),
        },
    )  # fmt: skip


def acoustic(name: str, title: str, medium: Callable[..., Any], frames: int) -> Problem:
    """Waves through a random medium; fourteen frames span a time of 5e-4 s."""
    return Problem(
        name=name,
        title=title,
        equation="u_tt = c^2 Lap u",
        fields=(scalar("displacement", "displacement"), scalar("sound_speed", "speed of sound", "m s-1")),
        times=snapshots(5e-4 * (frames - 1) / 14, frames),
        solver=partial(waves, medium=medium),
        source=POSEIDON + "; the final time is ours",
        constraint="sound_speed is constant in time; the displacement starts at rest",
        periodic=False,
        time_units="s",
        length_units="m",
        options={
            "boundary": one_of("absorbing", "periodic", changes={"periodic": {"periodic": True}}),
            "precision": PRECISION,
        },
    )
