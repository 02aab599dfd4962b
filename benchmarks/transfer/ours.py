"""The pretrained model and its random twin, through the same fine-tuning that users call."""

from __future__ import annotations

import argparse
from typing import Any

from training import Examples

import humboldt

RATES = {"pde-nano": (1e-2, 5e-4, 1e-3), "scratch": (1e-2, 1e-2, 1e-2)}
"""Highest rates of the core, of embedding and head, and of the norms; the best of those tried, see the page."""


def tuned(name: str, examples: Examples, seed: int, options: argparse.Namespace) -> Any:
    """`pde-nano` from its weights, `scratch` from random ones.

    --rates gives `pde-nano=...` or `scratch=...` as one rate for all parameters instead of those of `RATES`.
    """
    kind = name.removesuffix("4x")
    model = humboldt.from_pretrained(options.pretrained, random=kind == "scratch", seed=seed)
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
