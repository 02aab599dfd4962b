"""Means and deviations of generated families beside those by which the published files are normalised.

    python benchmarks/pde_suite/published.py [--samples 24] [--resolution 64] [--families ce-rm ...]

The published ones are the constants of the reference implementation (Poseidon, arXiv 2405.19101), where it has some of
a family's own. Steady problems without their first frame.
"""

from __future__ import annotations

import argparse

import numpy as np

from humboldt.domains.pde.problems import problem

PUBLISHED = {
    "fns-kf": {"velocity_x": (0.0, 0.2202), "velocity_y": (0.0, 0.2208), "forcing": (0.0, 0.0707)},
    "ns-tracer-pwc": {"tracer": (0.1959, 0.37)},
    "ce-rm": {
        "density": (1.1964, 0.5543), "velocity_x": (0.0, 0.2430), "velocity_y": (0.0, 0.2431),
        "pressure": (1.5648, 0.8964),
    },
    "gce-rt": {
        "density": (0.8970, 0.1286), "velocity_x": (0.0, 0.0149), "velocity_y": (0.0, 0.0149),
        "pressure": (0.7134, 0.2129), "gravity": (-1.7056, 0.4013),
    },
    "wave-layer": {"displacement": (0.0347, 0.1044), "sound_speed": (3498.6, 647.8)},
    "wave-gauss": {"displacement": (0.0334, 0.1172), "sound_speed": (2618.5, 601.5)},
    "ace": {"phase": (0.0025, 0.6535)},
    "se-af": {"density": (0.9298, 0.1086)},
    "poisson-gauss": {"source": (0.0148, 4.7551), "solution": (0.00056, 0.0240)},
    "helmholtz": {"solution": (0.1152, 0.8280)},
}  # fmt: skip


def main() -> None:
    """Print a row a field."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=24)
    parser.add_argument("--resolution", type=int, default=64)
    parser.add_argument("--families", nargs="+", default=list(PUBLISHED), choices=list(PUBLISHED))
    options = parser.parse_args()
    print("| family | field | mean | deviation | published mean | published deviation |")
    print("|---|---|--:|--:|--:|--:|")
    for name in options.families:
        chosen = problem(name)
        path = chosen.solve(options.samples, resolution=options.resolution).astype(float)
        path = path[:, 1:] if chosen.times == (0.0, 1.0) else path
        for number, field in enumerate(chosen.fields):
            if field.name in PUBLISHED[name]:
                here, there = path[:, :, number], PUBLISHED[name][field.name]
                counts = here[path[:, :, 0] < 1] if chosen.solid else here
                row = "".join(f" {value:.4g} |" for value in (np.mean(counts), np.std(counts), *there))
                print(f"| `{name}` | {field.name} |{row}", flush=True)


if __name__ == "__main__":
    main()
