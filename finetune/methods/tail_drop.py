"""A sample as a code of ordered tokens, any first few of which are of use (tail drop of One-D-Piece, arXiv 2501.10064).

The published tokeniser decodes an image from the first k of its tokens alone. Here the code stands beside the grid: it
tells windows, which see their surroundings only, about the whole sample, in as many tokens as one is ready to send.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import Attention, ConfigError, Context, Memory, Model

from ..adapter import HookAdapter
from ..hook import Hook, MemoryMap
from ..layers import finest
from ..method import Kind
from .prompts import ATTENTION, projected, width_of_attention

TINY = 1e-12  # variance below which tokens count as all alike


class Encoder(nn.Module):
    """z = softmax(L K(t)^T / sqrt(d)) V(t): learned queries L read all tokens of a sample.

    t are the tokens less their mean over the sample, over their deviation there: what differs from place to place.
    """

    def __init__(self, width: int, tokens: int) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(tokens, width))
        self.key, self.value = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)

    def forward(self, t: Float[Tensor, "b n d"]) -> Float[Tensor, "b tokens d"]:
        """The code of every sample."""
        t = t - t.mean(1, keepdim=True)
        t = t / (t.square().mean(1, keepdim=True) + TINY).sqrt()
        share = (self.queries @ self.key(t).mT / t.shape[-1] ** 0.5).softmax(-1)
        return share @ self.value(t)


class Code(MemoryMap):
    """The first ceil(budget N) tokens of the code that all blocks share; the gate is zero first."""

    reads = ("tokens",)

    def __init__(self, layer: Attention, tokens: int) -> None:
        super().__init__()
        self.layer: list[Any] = [layer]  # in a list: it is no part of the hook
        self.owner: list[Code] = []
        self.encoder: Encoder | None = Encoder(width_of_attention(layer), tokens)
        self.gate = nn.Parameter(torch.zeros(layer.config.heads))

    def code(self, context: Context) -> Float[Tensor, "b k d"]:
        """What is told of every sample."""
        encoder = self.owner[0].encoder if self.owner else self.encoder
        assert encoder is not None
        tokens = context.need("tokens", "a code").seen().flatten(1, -2).to(encoder.queries.dtype)
        count = max(1, math.ceil((context.budget or 1.0) * len(encoder.queries) - 1e-9))
        return encoder(tokens)[:, :count]

    def memory(self, x: Float[Tensor, "b *grid d"], context: Context) -> Memory:
        """The code, as this layer reads it."""
        _, keys, values = projected(self.layer[0], self.code(context))
        return Memory(keys, values, self.gate)


@dataclass(frozen=True, kw_only=True)
class TailDrop(HookAdapter):
    """out + g softmax(q K(z)^T) V(z): a code z of the whole sample in every window, its tail dropped in training.

    In training the first k tokens are kept, k uniform in 1 ... N for every batch; afterwards as many as the budget
    says (`with model.context.at(budget=0.25)`), all by default. It looks at the whole sample, so causal attention is no
    site.

    Attributes:
        tokens: N.
    """

    name: ClassVar[str] = "tail_drop"
    kind: ClassVar[Kind] = "tokens"
    source: ClassVar[str] = "arXiv 2501.10064"
    mergeable: ClassVar[bool] = False
    layers: ClassVar[tuple[type[nn.Module], ...]] = (Attention,)
    targets: str = ATTENTION
    tokens: int = 16

    def __post_init__(self) -> None:
        if self.tokens < 1:
            raise ConfigError(f"a code has a token at least, got tokens={self.tokens}")

    @classmethod
    def accepts(cls, layer: nn.Module) -> bool:
        """Attention that looks both ways."""
        return isinstance(layer, Attention) and not layer.config.causal

    def sites(self, model: nn.Module) -> list[str]:
        """Those of the finest scale, whose tokens have the embedding's width."""
        return finest(model, super().sites(model))

    def hook(self, layer: nn.Module) -> Code:
        """A reader of the code."""
        assert isinstance(layer, Attention)
        return Code(layer, self.tokens)

    def join(self, hooks: list[Hook]) -> None:
        """All read the code that the first makes."""
        first, *others = hooks
        for other in others:
            assert isinstance(first, Code)
            assert isinstance(other, Code)
            other.owner, other.encoder = [first], None

    def loss(self, model: Model, batch: Any) -> dict[str, Tensor]:
        """The model's loss with a part of the code."""
        kept = int(torch.randint(1, self.tokens + 1, ()))
        with model.context.at(budget=kept / self.tokens):
            return super().loss(model, batch)
