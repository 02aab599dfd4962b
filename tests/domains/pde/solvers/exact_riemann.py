"""The exact solution of the Riemann problem of an ideal gas (Toro, Riemann Solvers, chapter 4)."""

import numpy as np
from scipy.optimize import brentq


def exact_riemann(left, right, ray, gamma=1.4):
    """Density, velocity and pressure at x/t = ray; shock speeds of the solution on both sides (None in a fan).

    left, right: (density, velocity, pressure).
    """
    sound = [np.sqrt(gamma * p / d) for d, _, p in (left, right)]

    def change(pressure, side):
        density, _, at_rest = (left, right)[side]
        if pressure > at_rest:
            return (pressure - at_rest) * np.sqrt(
                2 / ((gamma + 1) * density) / (pressure + at_rest * (gamma - 1) / (gamma + 1))
            )
        return 2 * sound[side] / (gamma - 1) * ((pressure / at_rest) ** ((gamma - 1) / (2 * gamma)) - 1)

    middle = brentq(lambda p: change(p, 0) + change(p, 1) + right[1] - left[1], 1e-12, 1e4)
    contact = (left[1] + right[1] + change(middle, 1) - change(middle, 0)) / 2
    out, speeds = np.empty((3, *np.shape(ray))), []
    for side, sign in ((0, -1), (1, 1)):
        density, velocity, pressure = (left, right)[side]
        here = (ray <= contact) if side == 0 else (ray > contact)
        ratio = middle / pressure
        if ratio > 1:
            step = (gamma - 1) / (gamma + 1)
            dense = density * (ratio + step) / (step * ratio + 1)
            speed = velocity + sign * sound[side] * np.sqrt((gamma + 1) / (2 * gamma) * (ratio - 1) + 1)
            speeds.append(speed)
            inside = here & (sign * ray < sign * speed)
            state = np.broadcast_to(np.array([dense, contact, middle])[:, None], out.shape)
        else:
            speeds.append(None)
            dense = density * ratio ** (1 / gamma)
            head, tail = velocity + sign * sound[side], contact + sign * np.sqrt(gamma * middle / dense)
            inside = here & (sign * ray < sign * head)
            at = np.clip(ray, min(head, tail), max(head, tail))
            fan = 2 / (gamma + 1) - sign * (gamma - 1) / ((gamma + 1) * sound[side]) * (velocity - at)
            state = np.stack(
                [
                    density * fan ** (2 / (gamma - 1)),
                    2 / (gamma + 1) * (-sign * sound[side] + (gamma - 1) / 2 * velocity + at),
                    pressure * fan ** (2 * gamma / (gamma - 1)),
                ]
            )
        undisturbed = np.array([density, velocity, pressure])[:, None]
        out = np.where(here, np.where(inside, state, undisturbed), out)
    return out, speeds
