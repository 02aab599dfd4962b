"""What do the options before publishing cost?  pde-nano, tuned on "secret" trajectories, scored on others.

    python benchmarks/security/release.py --data burgers2d_exponax.nc [--steps 40] [--output FILE]

Of the training part the first four trajectories are secret, the others are public. Each line of the records is one
option with its error on the test part (median relative L1, mean over lead steps 2, 5, 10 and groups).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import humboldt
from humboldt.measuring import measure
from humboldt.registry import domain
from humboldt.releasing import redistilled, with_fresh_head, with_noise

OPENING = {"periodic": True, "split": {"train": 16, "validation": 2, "test": 6}}


def main() -> None:
    """Tune, release in every way, score."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="trajectories of Burgers' equation")
    parser.add_argument("--steps", type=int, default=40, help="of every training")
    parser.add_argument("--output", default="docs/experiments/records/release.jsonl")
    options = parser.parse_args()
    data = humboldt.open(options.data, domain="pde", **OPENING)
    train = data.split("train")
    secret, public = parts(data, train.choose(range(4))), parts(data, train.choose(range(4, 16)))
    choices: dict[str, Any] = {"steps": options.steps, "batch_size": 8, "validate_every": options.steps}
    start = humboldt.from_pretrained("humboldt/pde-nano")
    base = domain("pde").fitted(start, train.choose(range(4)), "forecast")
    tuned = humboldt.finetune(start, secret, progress=False, **choices)
    fresh = with_fresh_head(tuned)
    made = {
        "before tuning": base,
        "as it is": tuned,
        "fresh head": fresh,
        "fresh head, tuned by who gets it": humboldt.finetune(fresh, public, method="head", progress=False, **choices),
        **{f"noise {share:g}": with_noise(tuned, base, share) for share in (0.1, 0.3, 1.0)},
        "redistilled": redistilled(tuned, start, public, **choices),
    }
    lines = []
    for name, model in made.items():
        error = measure(model, data.split("test"), lead_steps=[2, 5, 10]).value
        lines.append(json.dumps({"option": name, "error": round(error, 4), "steps": options.steps}))
        print(f"{name:36} {error:.3f}")
    Path(options.output).write_text("\n".join(lines) + "\n")


class Parts:
    """A dataset with a training part of one's own."""

    def __init__(self, data: Any, train: Any) -> None:
        self.data, self.train = data, train

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "data":
            raise AttributeError(name)
        return getattr(self.data, name)

    def split(self, name: str) -> Any:
        """A part."""
        return self.train if name == "train" else self.data.split(name)


def parts(data: Any, train: Any) -> Parts:
    """The data with another training part."""
    return Parts(data, replace(train, part="train"))


if __name__ == "__main__":
    main()
