"""Learning rates by part: the core slowly, what touches the data and the time-conditioned norms faster.

The rule of Poseidon's fine-tuning (arXiv 2405.19101, appendix; decided in this order):
embedding and head: embedding rate, with decay; weights of the core: core rate, with decay;
conditioned norms: norm rate, no decay; what is left (biases, the position bias, plain norms): core rate, no decay.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from humboldt.foundations import Model, TimeNorm

from .recipe import Recipe


def parameter_groups(model: Model, recipe: Recipe) -> list[dict[str, Any]]:
    """Groups for AdamW over the trainable parameters: `name`, `params`, `lr`, `weight_decay`; empty ones left out."""
    choices = {
        "embedding": (recipe.embedding_rate, recipe.weight_decay),
        "core": (recipe.core_rate, recipe.weight_decay),
        "norms": (recipe.norm_rate, 0.0),
        "rest": (recipe.core_rate, 0.0),
    }
    found: dict[str, list[nn.Parameter]] = {name: [] for name in choices}
    conditioned, norms = _norm_parameters(model)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            found[_group(name, parameter in conditioned, parameter in norms)].append(parameter)
    return [
        {"name": name, "params": found[name], "lr": rate, "weight_decay": decay}
        for name, (rate, decay) in choices.items()
        if found[name]
    ]


def _group(name: str, conditioned: bool, norm: bool) -> str:
    if name.startswith(("embed.", "head.")):
        return "embedding"
    if conditioned:
        return "norms"
    plain = norm or "bias" in name or ".position." in name
    return "rest" if plain else "core"


def _norm_parameters(model: nn.Module) -> tuple[set[nn.Parameter], set[nn.Parameter]]:
    """Parameters of the conditioned norms, and of all norms."""
    norms = [m for m in model.modules() if isinstance(m, TimeNorm)]
    conditioned = {p for m in norms if m.condition for p in m.parameters()}
    return conditioned, {p for m in norms for p in m.parameters()}
