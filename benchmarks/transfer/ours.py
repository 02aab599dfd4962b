"""The pretrained model and its random twin, through the same fine-tuning that users call."""

from __future__ import annotations

import argparse
from typing import Any

from training import Examples

import humboldt


def tuned(name: str, examples: Examples, seed: int, options: argparse.Namespace) -> Any:
    """`pde-nano` from its weights, `scratch` and `scratch4x` from random ones.

    --rates gives `pde-nano=...` or `scratch=...` as one rate for all parameters; the recipe's rates are the default.
    """
    model = humboldt.from_pretrained(options.pretrained, random=name != "pde-nano", seed=seed)
    rate = options.rates.get("scratch" if name.startswith("scratch") else name)
    rates = {} if rate is None else {"core_rate": rate, "embedding_rate": rate, "norm_rate": rate}
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
        **rates,
    )
