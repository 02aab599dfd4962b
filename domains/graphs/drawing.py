"""How a token is drawn: the settings, the distribution that the logits of a step become, a token of every row."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from humboldt.foundations import ConfigError

from .config import GraphConfig


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How sequences are drawn.

    Attributes:
        temperature: logits are divided by it; 0 takes the most probable token.
        top_k: only the k most probable tokens; all if not given.
        top_p: only the most probable tokens that together have this probability.
        constrained: only tokens that keep the sequence a graph; without, only those of the vocabulary.
        valences: and every valence within its limits (molecules with Kekule bonds).
        guidance: with goals, logits = (1 - w) without + w with them; 1 needs no second model run.
        seed: of everything drawn.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    constrained: bool = True
    valences: bool = False
    guidance: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise ConfigError(f"a temperature is not negative, got {self.temperature}")
        if self.top_k is not None and self.top_k < 1:
            raise ConfigError(f"top_k is at least 1, got {self.top_k}; leave it out for all tokens")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ConfigError(f"top_p is a probability in (0, 1], got {self.top_p}")
        if self.valences and not self.constrained:
            raise ConfigError("valences are kept by constrained drawing, got constrained=False; set it to True")


def within(config: GraphConfig, logits: Float[Tensor, "b rows"]) -> Bool[Tensor, "b tokens"]:
    """All tokens of the vocabulary; spare rows of the embedding were never trained."""
    return torch.ones(len(logits), len(config.vocabulary), dtype=torch.bool, device=logits.device)


def shape(
    logits: Float[Tensor, "b rows"], drawing: Drawing, allowed: Bool[Tensor, "b tokens"]
) -> Float[Tensor, "b tokens"]:
    """Logits of the distribution that is drawn from; what is not allowed has none."""
    logits = logits[:, : allowed.shape[1]].masked_fill(~allowed, float("-inf"))
    if drawing.temperature not in (0, 1):
        logits = logits / drawing.temperature
    if drawing.top_k is not None and drawing.top_k < logits.shape[1]:
        least = logits.topk(drawing.top_k, dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < least, float("-inf"))
    if drawing.top_p is not None and drawing.top_p < 1:
        ordered, places = logits.sort(dim=-1, descending=True)
        before = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1)
        dropped = torch.zeros_like(allowed).scatter(1, places, before >= drawing.top_p)
        logits = logits.masked_fill(dropped, float("-inf"))
    return logits


def multinomial(logits: Float[Tensor, "b rows"], chance: torch.Generator) -> Int[Tensor, " b"]:
    """One token of every row."""
    return torch.multinomial(logits.float().softmax(-1), 1, generator=chance).squeeze(1)


def chosen(logs: Float[Tensor, "b rows"], tokens: Int[Tensor, " b"]) -> Float[Tensor, " b"]:
    """The entry of every row's token."""
    return logs.double().gather(1, tokens[:, None]).squeeze(1)
