"""The pretrained models and their random twins, through the same fine-tuning that users call."""

from __future__ import annotations

import argparse
from typing import Any

from training import Examples

import humboldt

FINE = "-fine"
RANDOM = (1e-2, 1e-2, 1e-2)
RATES = {
    "pde-nano": (1e-2, 5e-4, 1e-3),
    "pde-nano-fine": (1e-2, 5e-3, 1e-3),
    "scratch": RANDOM,
    "scratch-fine": RANDOM,
}
"""Highest rates of the core, of embedding and head, and of the norms; the best of those tried, see the page."""


def tuned(name: str, examples: Examples, seed: int, options: argparse.Namespace) -> Any:
    """`pde-nano` and `pde-nano-fine` from their weights, `scratch` and `scratch-fine` from random ones.

    --rates gives `pde-nano=...` or `scratch=...` as one rate for all parameters instead of those of `RATES`.
    """
    kind = name.removesuffix("4x")
    weights = "humboldt/pde-nano-fine" if kind.endswith(FINE) else options.pretrained
    model = humboldt.from_pretrained(weights, random=kind.startswith("scratch"), seed=seed)
    core, embedding, norm = (options.rates[kind],) * 3 if kind in options.rates else RATES[kind]
    steps = len(examples) // options.batch
    return humboldt.finetune(
        model,
        examples,
        seed=seed,
        steps=steps,
        batch_size=options.batch,
        optimiser=options.optimiser,
        warmup=steps // 20,
        precision=options.precision,
        core_rate=core,
        embedding_rate=embedding,
        norm_rate=norm,
    )
