"""Attention in windows of a grid, put together from orthogonal choices (see `AttentionConfig`)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from . import windows
from .config import AttentionConfig, ConfigError
from .fused import attend
from .position import LogPositionBias

HIDDEN = -1e30  # score of a key that takes no part; finite, so that a window without any key stays finite too


class Projection(nn.Linear):
    """One linear map to query, key and value, of which only query and value carry a bias (Swin v2)."""

    def __init__(self, width: int) -> None:
        super().__init__(width, 3 * width, bias=False)
        self.query_bias = nn.Parameter(torch.zeros(width))
        self.value_bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        bias = torch.cat([self.query_bias, torch.zeros_like(self.query_bias), self.value_bias])
        return F.linear(x, self.weight, bias)


class Attention(nn.Module):
    """Multi-head attention inside each window: softmax(similarity(q, k) + position + seams) v, then a linear map.

    Args:
        width: channels d.
        axes: number of grid axes.
        config: heads, windows, similarity, position, bias.
    """

    def __init__(self, width: int, axes: int, config: AttentionConfig) -> None:
        super().__init__()
        if width % config.heads:
            raise ConfigError(f"heads must divide the width, got heads={config.heads}, width={width}")
        self.config = config
        biased = config.bias == "query_value"
        self.qkv = Projection(width) if biased else nn.Linear(width, 3 * width, bias=config.bias == "all")
        self.out = nn.Linear(width, width)
        self.position = LogPositionBias(axes, config.heads) if config.position == "log" else None
        if config.similarity == "cosine":
            self.logit_scale = nn.Parameter(torch.full((config.heads,), math.log(10.0)))

    def forward(
        self,
        x: Float[Tensor, "b *grid d"],
        mask: Bool[Tensor, "b *grid"] | None = None,
        periodic: tuple[bool, ...] = (),
    ) -> Float[Tensor, "b *grid d"]:
        """Attend; `mask` is True where a token may be seen, `periodic` names the axes that close on themselves."""
        config = self.config
        layout = windows.layout(tuple(x.shape[1:-1]), config.window, config.shifted)
        parts = windows.split(x, layout)
        pattern = "b m n (three heads e) -> three b m heads n e"
        q, k, v = rearrange(self.qkv(parts), pattern, three=3, heads=config.heads)
        scale = 1 / math.sqrt(q.shape[-1])
        if config.similarity == "cosine":
            q, k, scale = *self._cosine(q, k), 1.0
        seams = windows.seams(layout, periodic, config.seam, config.padding == "masked", x.device)
        bias = self._bias(layout, seams, mask, q.dtype)
        out = _folded(q, k, v.to(q.dtype), bias, scale, config.causal)
        return windows.join(self.out(rearrange(out, "b m heads n e -> b m n (heads e)")), layout)

    def _cosine(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        """Unit vectors, the queries times the learned scale (at most 100)."""
        scale = self.logit_scale.clamp(max=math.log(100.0)).exp().to(q.dtype)
        return F.normalize(q, dim=-1, eps=1e-12) * scale[:, None, None], F.normalize(k, dim=-1, eps=1e-12)

    def _bias(
        self, layout: windows.Layout, seams: Tensor | None, mask: Tensor | None, dtype: torch.dtype
    ) -> Float[Tensor, "#b #m #heads n n"] | None:
        """Everything that is added to the scores."""
        bias = None
        if self.position is not None:
            bias = rearrange(self.position(layout.window).to(dtype), "heads i j -> 1 1 heads i j")
        if seams is not None:
            apart = rearrange(seams.to(dtype), "m i j -> 1 m 1 i j")
            bias = apart if bias is None else bias + apart
        if mask is not None:
            seen = windows.split(mask.unsqueeze(-1).to(dtype), layout)
            hidden = rearrange((1 - seen) * HIDDEN, "b m j 1 -> b m 1 1 j").expand(-1, -1, -1, layout.tokens, -1)
            bias = hidden if bias is None else bias + hidden
        if self.config.causal and bias is not None:
            future = torch.ones(layout.tokens, layout.tokens, dtype=torch.bool, device=bias.device).triu(1)
            bias = bias.masked_fill(future, HIDDEN)
        return bias


def _folded(
    q: Float[Tensor, "b m heads n e"], k: Tensor, v: Tensor, bias: Tensor | None, scale: float, causal: bool
) -> Float[Tensor, "b m heads n e"]:
    """Fused attention wants one batch axis: windows join the heads if they have biases of their own, else the batch."""
    b, m = q.shape[:2]
    if bias is not None and bias.shape[1] > 1 and len(bias) == 1:
        bias = rearrange(bias.expand(-1, -1, q.shape[2], -1, -1), "1 m heads i j -> 1 (m heads) i j")
        q, k, v = (rearrange(t, "b m heads n e -> b (m heads) n e") for t in (q, k, v))
        return rearrange(attend(q, k, v, bias, scale), "b (m heads) n e -> b m heads n e", m=m)
    if bias is not None and (len(bias) > 1 or bias.shape[1] > 1):
        bias = rearrange(bias.expand(b, m, -1, -1, -1), "b m heads i j -> (b m) heads i j")
    elif bias is not None:
        bias = bias[0]
    q, k, v = (rearrange(t, "b m heads n e -> (b m) heads n e") for t in (q, k, v))
    out = attend(q, k, v, bias, scale, causal and bias is None)
    return rearrange(out, "(b m) heads n e -> b m heads n e", b=b)
