"""Attention that never keeps a score matrix, also where the added bias is learned.

`torch.nn.functional.scaled_dot_product_attention` falls back to materialised scores on CPU as soon as its mask needs a
gradient. `attend` keeps the fused forward there and recomputes the scores chunk by chunk in the backward pass.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

CHUNK = 1 << 20  # scores recomputed at a time: 4 MB in float32 stay in the cache


def attend(
    q: Float[Tensor, "b heads n e"],
    k: Float[Tensor, "b heads n e"],
    v: Float[Tensor, "b heads n e"],
    bias: Float[Tensor, "#b #heads n n"] | None,
    scale: float,
    causal: bool = False,
) -> Float[Tensor, "b heads n e"]:
    """softmax(scale q k^T + bias) v."""
    if bias is not None:
        bias = bias.to(q.dtype)
        if bias.requires_grad and len(bias) == 1 and q.device.type == "cpu" and not causal:
            return _LearnedBias.apply(q, k, v, bias, scale)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias, is_causal=causal, scale=scale)


class _LearnedBias(torch.autograd.Function):
    """Fused attention with a gradient for a bias that all samples share."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, bias: Tensor, scale: float) -> Tensor:
        out, logsumexp = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            q, k, v, 0.0, False, attn_mask=bias, scale=scale
        )
        ctx.save_for_backward(q, k, v, bias, out, logsumexp)
        ctx.scale = scale
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        q, k, v, bias, out, logsumexp = ctx.saved_tensors
        gq, gk, gv = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        gbias = torch.zeros_like(bias, dtype=torch.promote_types(bias.dtype, torch.float32))
        step = max(1, CHUNK // bias[0].numel())
        for start in range(0, len(q), step):
            part = slice(start, start + step)
            weights = torch.matmul(q[part] * ctx.scale, k[part].mT).add_(bias)
            weights = weights.sub_(logsumexp[part].unsqueeze(-1).to(weights.dtype)).exp_()
            g, o = grad[part], out[part]
            gv[part] = torch.matmul(weights.mT, g)
            scores = torch.matmul(g, v[part].mT).sub_((g * o).sum(-1, keepdim=True)).mul_(weights)
            gq[part] = torch.matmul(scores, k[part]) * ctx.scale
            gk[part] = torch.matmul(scores.mT, q[part]) * ctx.scale
            gbias += scores.sum(0, keepdim=True)
        return gq, gk, gv, gbias.to(bias.dtype), None
