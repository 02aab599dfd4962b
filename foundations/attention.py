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
from .fused import attend_windows, unit
from .linear import Linear, linear
from .memory import Memory
from .position import LogPositionBias


class Projection(Linear):
    """One linear map to query, key and value, of which only query and value carry a bias (Swin v2)."""

    def __init__(self, width: int) -> None:
        super().__init__(width, 3 * width, bias=False)
        self.query_bias = nn.Parameter(torch.zeros(width))
        self.value_bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        bias = torch.cat([self.query_bias, torch.zeros_like(self.query_bias), self.value_bias])
        return linear(x, self.weight, bias)


class Attention(nn.Module):
    """Multi-head attention inside each window: softmax(similarity(q, k) + position + seams) v, then a linear map.

    Args:
        width: channels d.
        axes: number of grid axes.
        config: heads, windows, similarity, position, bias.
        bias: whether the last linear map carries a bias.
    """

    def __init__(self, width: int, axes: int, config: AttentionConfig, bias: bool = True) -> None:
        super().__init__()
        if width % config.heads:
            raise ConfigError(f"heads must divide the width, got heads={config.heads}, width={width}")
        self.config = config
        biased = config.bias == "query_value"
        self.qkv = Projection(width) if biased else Linear(width, 3 * width, bias=config.bias == "all")
        self.out = Linear(width, width, bias=bias and config.out_bias)
        self.position = LogPositionBias(axes, config.heads) if config.position == "log" else None
        if config.similarity == "cosine":
            self.logit_scale = nn.Parameter(torch.full((config.heads,), math.log(10.0)))

    def forward(
        self,
        x: Float[Tensor, "b *grid d"],
        mask: Bool[Tensor, "b *grid"] | None = None,
        periodic: tuple[bool, ...] = (),
        memory: tuple[Memory, ...] = (),
    ) -> Float[Tensor, "b *grid d"]:
        """Attend; `mask` is True where a token may be seen, `periodic` names the axes that close on themselves.

        What every token may read beside the tokens of its window is in `memory`.
        """
        config = self.config
        grid = tuple(x.shape[1:-1])
        layout = windows.lay_out(grid, config, periodic)
        qkv = self.qkv(windows.split(x, layout))
        qkv = rearrange(qkv, "b m n (three heads e) -> b m n three heads e", three=3, heads=config.heads)
        seams = windows.seams(grid, config, periodic, x.device)
        fused = mask is None and not config.causal and x.device.type == "cpu"
        fused = fused and not torch.compiler.is_exporting()  # a program uses the operations that every runtime has
        if fused and self.position is not None:
            bias, cosine = self.position(layout.window), config.similarity == "cosine"
            out = attend_windows(qkv, bias, seams, self._scale(qkv), cosine)
        else:
            out = self._attend(qkv, self._bias(layout, seams, mask))
        for beside in memory:
            out = out + beside.read(qkv[:, :, :, 0], self._scale(qkv), config.similarity == "cosine")
        return windows.join(self.out(rearrange(out, "b m n heads e -> b m n (heads e)")), layout)

    def _scale(self, qkv: Tensor) -> Float[Tensor, " heads"]:
        """What each head multiplies its similarities with; learned for cosines (at most 100)."""
        if self.config.similarity == "cosine":
            return self.logit_scale.clamp(max=math.log(100.0)).exp()
        return torch.full((self.config.heads,), qkv.shape[-1] ** -0.5, dtype=self.out.weight.dtype, device=qkv.device)

    def _attend(
        self, qkv: Float[Tensor, "b m n three heads e"], bias: Float[Tensor, "#b #m #heads n n"] | None
    ) -> Float[Tensor, "b m n heads e"]:
        """Attention by the library's own kernel, which wants one batch axis."""
        b, m = qkv.shape[:2]
        q, k, v = rearrange(qkv, "b m n three heads e -> three (b m) heads n e")
        if self.config.similarity == "cosine":
            q, k = (unit(x)[0] for x in (q, k))
            q, k = (q * self._scale(qkv)[:, None, None]).to(v.dtype), k.to(v.dtype)
        if bias is not None:
            bias = bias.clamp_min(windows.lowest(v.dtype)).to(v.dtype)
            one = bias.shape[:2] == (1, 1)
            bias = bias[0] if one else rearrange(bias.expand(b, m, -1, -1, -1), "b m heads i j -> (b m) heads i j")
        scale = 1.0 if self.config.similarity == "cosine" else None
        causal = self.config.causal and bias is None
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=bias, is_causal=causal, scale=scale)
        return rearrange(out, "(b m) heads n e -> b m n heads e", b=b)

    def _bias(
        self, layout: windows.Layout, seams: Tensor | None, mask: Tensor | None
    ) -> Float[Tensor, "#b #m #heads n n"] | None:
        """Everything that is added to the scores."""
        parts = []
        if self.position is not None:
            parts.append(rearrange(self.position(layout.window), "heads i j -> 1 1 heads i j"))
        if seams is not None:
            parts.append(rearrange(seams, "m i j -> 1 m 1 i j"))
        if mask is not None:
            hidden = windows.split((~mask).unsqueeze(-1).float(), layout) * windows.HIDDEN
            parts.append(rearrange(hidden, "b m j 1 -> b m 1 1 j").expand(-1, -1, -1, layout.tokens, -1))
        if self.config.causal and parts:
            parts.append(windows.future(layout.tokens, parts[0].device))
        return sum(parts[1:], parts[0]) if parts else None
