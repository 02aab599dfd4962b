"""Scores of `humboldt/weather-nano` on the end of its own simulations, which it has not seen, beside persistence.

    python benchmarks/pretraining/weather_scores.py STORES [--model humboldt/weather-nano] [--every 24]

Prints a Markdown table: RMSE over that of persistence by variable (mean over levels) and lead time, on the grid of the
simulations (48 x 96), two states 6 hours apart. STORES is the folder that pretraining simulated into.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import torch

import humboldt
from humboldt.domains.weather import evaluate, open_weather

LEADS = [6, 24, 72, 120]
HELD_OUT = ("2001-02-18", "2001-03-02")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stores", type=Path)
    parser.add_argument("--model", default="humboldt/weather-nano")
    parser.add_argument("--every", type=int, default=24, help="score every so manieth sample")
    given = parser.parse_args()
    torch.set_num_threads(1)
    model = humboldt.from_pretrained(given.model)
    data = open_weather(
        given.stores / "held-suarez.zarr",
        channels=model.config.channels,
        static=model.config.static,
        input_steps=[6],
        lead_times=LEADS,
        split={"test": HELD_OUT},
    ).split("test")
    leads = [[s for s in data.samples if s.lead_time == lead][:: given.every] for lead in LEADS]
    some = dataclasses.replace(data, samples=tuple(s for of in leads for s in of))
    rmse = evaluate({"model": model}, some)["rmse"]
    share = rmse.sel(forecast="model") / rmse.sel(forecast="persistence")
    print("| variable | " + " | ".join(f"{lead} h" for lead in LEADS) + " |\n|---|" + "---:|" * len(LEADS))
    names = [c.variable for c in model.config.channels]
    for name in dict.fromkeys(names):
        places = [i for i, n in enumerate(names) if n == name]
        cells = share.isel(channel=places).mean("channel").values
        print(f"| {name} | " + " | ".join(f"{x:.2f}" for x in cells) + " |")
    print(f"\n{len(some)} samples")


if __name__ == "__main__":
    main()
