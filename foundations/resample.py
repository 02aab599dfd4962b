"""Any number of tokens read by any number of queries: Perceiver IO (arXiv 2107.14795), grouped-query attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from .config import ConfigError
from .fourier import fourier_features
from .linear import Linear
from .norms import TimeNorm


@dataclass(frozen=True, kw_only=True)
class PerceiverConfig:
    """Sizes of a `Perceiver`.

    Attributes:
        heads: query heads.
        groups: heads of keys and values, each of which serves heads / groups consecutive query heads.
        head_width: channels of a head.
        depth: layers of self-attention among the latents.
        bands: frequencies, evenly spaced from 1 to `highest`, with which a source's place in the sequence is told.
        highest: the highest of them.
        hidden: width of the gated perceptron, in multiples of the width of a token.
        dropout: of attention weights and perceptrons, in training.
    """

    heads: int
    groups: int
    head_width: int
    depth: int
    bands: int = 64
    highest: float = 112.0
    hidden: int = 4
    dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.heads < 1 or self.groups < 1 or self.heads % self.groups:
            raise ConfigError(
                f"the heads of queries are a multiple of those of keys and values, got heads={self.heads} and "
                f"groups={self.groups}"
            )


class GroupedQueryAttention(nn.Module):
    """softmax(q k^T / sqrt(e)) v, where a head of keys and values serves several heads of queries (arXiv 2305.13245).

    Args:
        width: channels of queries and of the output.
        source: channels of the sources.
        config: heads and their width.
    """

    def __init__(self, width: int, source: int, config: PerceiverConfig) -> None:
        super().__init__()
        self.heads, self.groups, self.dropout = config.heads, config.groups, config.dropout
        self.query = Linear(width, config.heads * config.head_width, bias=False)
        self.key = Linear(source, config.groups * config.head_width, bias=False)
        self.value = Linear(source, config.groups * config.head_width, bias=False)
        self.out = Linear(config.heads * config.head_width, width)

    def forward(
        self, x: Float[Tensor, "b q d"], sources: Float[Tensor, "b s c"], mask: Bool[Tensor, "b s"] | None = None
    ) -> Float[Tensor, "b q d"]:
        """Attend to the sources, of which those count where `mask` is True."""
        q = rearrange(self.query(x), "b q (k e) -> b k q e", k=self.heads)
        k, v = (rearrange(f(sources), "b s (g e) -> b g s e", g=self.groups) for f in (self.key, self.value))
        hidden = None if mask is None else rearrange(mask, "b s -> b 1 1 s")
        dropout = self.dropout if self.training else 0.0
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=hidden, dropout_p=dropout, enable_gqa=True)
        return self.out(rearrange(out, "b k q e -> b q (k e)"))


class GatedFeedForward(nn.Module):
    """W2 (value * gelu(gate)) with (value, gate) = W1 x (arXiv 2002.05202)."""

    def __init__(self, width: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.expand, self.contract = Linear(width, 2 * hidden), Linear(hidden, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        """Apply to the last axis."""
        value, gate = self.expand(x).chunk(2, dim=-1)
        return self.dropout(self.contract(value * F.gelu(gate)))


class Reading(nn.Module):
    """f(norm(x), norm(sources)): attention of tokens to others, or among themselves where there are no others.

    Args:
        width: channels of tokens.
        source: channels of the others; 0 where there are none.
        config: sizes.
    """

    def __init__(self, width: int, source: int, config: PerceiverConfig) -> None:
        super().__init__()
        self.norm = TimeNorm(width)
        self.source_norm = TimeNorm(source) if source else None
        self.attention = GroupedQueryAttention(width, source or width, config)

    def forward(self, x: Tensor, sources: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Without the residual."""
        x = self.norm(x)
        return self.attention(x, x if sources is None or self.source_norm is None else self.source_norm(sources), mask)


class Thinking(nn.Module):
    """x + f(norm(x)), f a gated perceptron."""

    def __init__(self, width: int, config: PerceiverConfig) -> None:
        super().__init__()
        self.norm = TimeNorm(width)
        self.feed_forward = GatedFeedForward(width, config.hidden * width, config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """With the residual."""
        return x + self.feed_forward(self.norm(x))


class Layer(nn.Module):
    """Self-attention among latents and a perceptron, each with its residual."""

    def __init__(self, width: int, config: PerceiverConfig) -> None:
        super().__init__()
        self.reading, self.thinking = Reading(width, 0, config), Thinking(width, config)

    def forward(self, x: Tensor) -> Tensor:
        """Same shape."""
        return self.thinking(x + self.reading(x))


class Perceiver(nn.Module):
    """Learned latents read the sources, think among themselves, and are read by the queries (no residual there).

    A source is told its place in the sequence, from -1 to 1, by Fourier features.

    Args:
        width: channels d of sources, latents, queries and the output.
        latents: how many.
        config: sizes.
    """

    layers: Sequence[Layer]

    def __init__(self, width: int, latents: int, config: PerceiverConfig) -> None:
        super().__init__()
        self.config = config
        self.latents = nn.Parameter(torch.empty(latents, width))
        self.read = Reading(width, width + 2 * config.bands + 1, config)
        self.thinking = Thinking(width, config)
        self.layers = cast("Sequence[Layer]", nn.ModuleList(Layer(width, config) for _ in range(config.depth)))
        self.write = Reading(width, width, config)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Latents are normal with deviation 0.02."""
        nn.init.normal_(self.latents, std=0.02)

    def forward(
        self, sources: Float[Tensor, "b s d"], queries: Float[Tensor, "b q d"], mask: Bool[Tensor, "b s"] | None = None
    ) -> Float[Tensor, "b q d"]:
        """What the queries learn of the sources, of which those count where `mask` is True."""
        place = self.places(sources).expand(len(sources), -1, -1)
        z = self.latents.expand(len(sources), -1, -1)
        z = self.thinking(z + self.read(z, torch.cat([sources, place], dim=-1), mask))
        for layer in self.layers:
            z = layer(z)
        return self.write(queries, z)

    def places(self, sources: Float[Tensor, "b s d"]) -> Float[Tensor, "s features"]:
        """Fourier features of places in a sequence as long as the sources."""
        device, dtype, config = sources.device, sources.dtype, self.config
        frequencies = torch.linspace(1.0, config.highest, config.bands, device=device, dtype=dtype)
        return fourier_features(torch.linspace(-1.0, 1.0, sources.shape[1], device=device, dtype=dtype), frequencies)
