"""The transformer block: attention and a perceptron, each normalised, dropped at random and added."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from .attention import Attention
from .config import BlockConfig
from .linear import Linear
from .norms import TimeNorm
from .recompute import perceptron
from .tokens import Tokens


class FeedForward(nn.Module):
    """W2 gelu(W1 x + b1) + b2, with the exact gelu or its approximation by a hyperbolic tangent."""

    def __init__(self, width: int, hidden: int, activation: str = "gelu", bias: bool = True) -> None:
        super().__init__()
        self.activation = activation
        self.expand, self.contract = Linear(width, hidden, bias=bias), Linear(hidden, width, bias=bias)

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        """Apply to the last axis."""
        if self.activation == "gelu_tanh":
            return self.contract(F.gelu(self.expand(x), approximate="tanh"))
        return perceptron(x, self.expand, self.contract)


class DropPath(nn.Module):
    """Stochastic depth: in training a sample's branch is dropped with probability `rate`, else divided by 1 - rate."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Float[Tensor, "b *rest"]) -> Float[Tensor, "b *rest"]:
        """Drop whole samples of the batch axis."""
        if not self.training or self.rate == 0:
            return x
        keep = x.new_empty(len(x), *(1,) * (x.dim() - 1)).bernoulli_(1 - self.rate)
        return x * keep / (1 - self.rate)

    def extra_repr(self) -> str:
        return f"{self.rate}"


class Block(nn.Module):
    """pre:  x + f(norm(x));  post:  x + norm(f(x));  f is attention, then the perceptron.

    Args:
        width: channels d.
        axes: number of grid axes.
        condition: width of the condition vector, 0 for plain norms.
        config: the block's choices.
        eps: of the norms.
        bias: whether linear maps and plain norms carry a bias.
    """

    def __init__(
        self, width: int, axes: int, condition: int, config: BlockConfig, eps: float, bias: bool = True
    ) -> None:
        super().__init__()
        self.config = config
        self.attention = Attention(width, axes, config.attention, bias)
        self.attention_norm = TimeNorm(width, condition, eps, bias)
        self.feed_forward = FeedForward(width, config.hidden, config.activation, bias)
        self.feed_forward_norm = TimeNorm(width, condition, eps, bias)
        self.drop = DropPath(config.drop_path)

    def forward(self, tokens: Tokens) -> Tokens:
        """Same grid, same width."""
        return tokens.with_x(self.around(self._attend(tokens), tokens.x, tokens.condition))

    def around(self, attend: Callable[[Tensor], Tensor], x: Tensor, t: Tensor | None) -> Tensor:
        """The block around any attention `attend` of the same width (one that remembers what came before, say)."""
        if self.config.norm == "post":
            x = x + self.drop(self.attention_norm(attend(x), t))
            return x + self.drop(self.feed_forward_norm(self.feed_forward(x), t))
        x = x + self.drop(attend(self.attention_norm(x, t)))
        return x + self.drop(self.feed_forward(self.feed_forward_norm(x, t)))

    def _attend(self, tokens: Tokens) -> Callable[[Tensor], Tensor]:
        """The attention; where a field is cut into units, `shifted` moves it by half a unit, and back afterwards."""
        units = tokens.units if self.config.attention.shifted else None
        if units is None:
            return partial(self.attention, mask=tokens.mask, periodic=tokens.periodic)
        mask = None if tokens.mask is None else units.shift(tokens.mask.unsqueeze(-1)).squeeze(-1)
        return lambda x: units.shift(self.attention(units.shift(x), mask, tokens.periodic), back=True)
