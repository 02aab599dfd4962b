"""What do the methods of design reach with about the same number of reward calls?

    python benchmarks/molecules/design.py --output docs/experiments/records/design.jsonl [--rewards window]

Goals: mean QED, a window of logP that few molecules are in, and penalised logP. Every method is measured on the same
number of samples before and after, valences kept, one seed; those calls count too. `outcomes` is pretrained without a
reward and told what to reach for a window afterwards: no molecule is asked for its reward before the measurement. Runs
of a record that are there already are not made again.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch

import humboldt
from humboldt.domains.graphs import Drawing, OutcomeBalance, Reward, internal_diversity, roll_out
from humboldt.domains.graphs.balance import Balanced

MODEL = "humboldt/molecules-nano"
REWARDS = {"qed": "qed", "window": "1 if 3.5 < logp < 4.5 else 0", "plogp": "plogp"}
CHOICES: dict[str, dict[str, Any]] = {
    "rejection": {"rounds": 2, "steps": 40},
    "ppo": {"rounds": 1, "steps": 14},
    "balance": {"rounds": 1, "steps": 13, "strength": 10.0},
}
SCALES = {"plogp": {"strength": 1.0}}  # of balance, where a reward has another range
SAID = ("mean", "best", "valid", "diversity", "calls")
CANDIDATES = torch.linspace(-2, 6, 33)


def designed(reward: str, method: str, samples: int) -> list[dict[str, Any]]:
    """What was drawn before and after."""
    choices = dict(CHOICES[method]) | (SCALES.get(reward, {}) if method == "balance" else {})
    _, history = humboldt.design(MODEL, REWARDS[reward], method=method, samples=samples, progress=False, **choices)
    return [{name: getattr(here, name) for name in SAID} for here in history]


def outcomes(steps: int, samples: int) -> list[dict[str, Any]]:
    """A window of logP from a model that learned to reach any; before, it is told nothing."""
    way = OutcomeBalance(humboldt.from_pretrained(MODEL), "logp", width=0.5, choices=Balanced(rate=3e-4))
    chance, asked = torch.Generator().manual_seed(0), Reward(REWARDS["window"])

    def inside(y: torch.Tensor) -> torch.Tensor:
        return ((y > 3.5) & (y < 4.5)).float()

    told = way.goals(way.outcomes(inside, CANDIDATES, samples, chance))
    found = [measured(way, asked, None, samples, chance), measured(way, asked, told, samples, chance)]
    way.learn(steps)
    told = way.goals(way.outcomes(inside, CANDIDATES, samples, chance))
    return [*found, measured(way, asked, told, samples, chance)]


def measured(way: OutcomeBalance, asked: Reward, told: Any, samples: int, chance: torch.Generator) -> dict[str, Any]:
    """As `design` measures it."""
    made = roll_out(way.policy, samples, Drawing(valences=True), chance, told)
    worth = made.worth(asked, 0.0)[made.valid]
    smiles = list(dict.fromkeys(one for one in made.smiles if one))
    scores = (worth.mean(), worth.max(), made.valid.float().mean(), internal_diversity(smiles[:500]), asked.calls)
    return dict(zip(SAID, map(float, scores), strict=True))


def main() -> None:
    """Run what is missing, print every measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="record, a run a line")
    parser.add_argument("--rewards", nargs="+", default=list(REWARDS), choices=list(REWARDS))
    parser.add_argument("--methods", nargs="+", default=[*CHOICES, "outcomes"], choices=[*CHOICES, "outcomes"])
    parser.add_argument("--samples", type=int, default=400, help="drawn for each measurement")
    choice = parser.parse_args()
    lines = choice.output.read_text().splitlines() if choice.output.is_file() else []
    known = {(row["reward"], row["method"]) for row in map(json.loads, lines)}
    for reward in choice.rewards:
        for method in choice.methods:
            if (reward, method) in known or (method == "outcomes" and reward != "window"):
                continue
            start = time.process_time()
            reached = method == "outcomes"
            found = outcomes(60, choice.samples) if reached else designed(reward, method, choice.samples)
            row = {"reward": reward, "method": method, "cpu_seconds": time.process_time() - start, "measured": found}
            with choice.output.open("a") as file:
                file.write(json.dumps(row) + "\n")
            for place, one in enumerate(found):
                print(reward, method, place, *(f"{name} {value:.3f}" for name, value in one.items()), flush=True)


if __name__ == "__main__":
    main()
