"""Attention that never keeps a score matrix, also where the added bias is learned.

`torch.nn.functional.scaled_dot_product_attention` falls back to materialised scores on CPU as soon as its mask needs a
gradient. `attend_windows` keeps the fused forward there, saves only the projections, and recomputes unit vectors and
scores chunk by chunk in the backward pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from .windows import HIDDEN, lowest

CHUNK = 1 << 18  # scores recomputed at a time: 1 MB in float32 stays in the cache
TINY = 1e-24  # square of the norm below which a vector counts as zero


def attend_windows(
    qkv: Float[Tensor, "b m n three heads e"],
    bias: Float[Tensor, "heads n n"],
    seams: Float[Tensor, "m n n"] | None,
    scale: Float[Tensor, " heads"],
    cosine: bool,
) -> Float[Tensor, "b m n heads e"]:
    """softmax(scale q k^T + bias + seams) v in each of m windows; `cosine` makes q and k unit vectors first.

    On CPU. Gradients for `qkv`, `bias` and `scale`; differentiable once.
    """
    if seams is not None and lowest(qkv.dtype) > HIDDEN:
        seams = seams.clamp_min(lowest(qkv.dtype))
    return _Windows.apply(qkv, bias, seams, scale, cosine)


def unit(x: Float[Tensor, "*b e"]) -> tuple[Float[Tensor, "*b e"], Float[Tensor, "*b 1"]]:
    """x / |x| and 1 / |x| in float32 at least; both are zero for a zero vector."""
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    square = torch.linalg.vecdot(x, x).unsqueeze(-1)
    inverse = torch.where(square > TINY, square.clamp_min(TINY).rsqrt(), 0)
    return x * inverse, inverse


def _parts(qkv: Tensor, bias: Tensor, seams: Tensor | None) -> Iterator[tuple[slice | None, Tensor]]:
    """Which windows go together, and the scores (g, heads, n, n) that are added to theirs.

    Without seams all of them share the bias; with seams a few windows have their own. The sum is rounded to the type
    of the scores once, for the forward and the backward pass alike.
    """
    if seams is None:
        yield None, bias.to(qkv.dtype).unsqueeze(0)
    else:
        step = max(1, CHUNK // bias.numel())
        for start in range(0, len(seams), step):
            part = slice(start, start + step)
            yield part, (bias + seams[part, None]).to(qkv.dtype)


def _samples(x: Float[Tensor, "b m ..."], part: slice | None) -> Float[Tensor, "s g ..."]:
    """The windows of a part (a view); those that share the bias are samples of one window."""
    return x.flatten(0, 1).unsqueeze(1) if part is None else x[:, part]


class _Windows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, qkv: Tensor, bias: Tensor, seams: Tensor | None, scale: Tensor, cosine: bool) -> Tensor:
        outs, sums = [], []
        for part, added in _parts(qkv, bias, seams):
            q, k, v = rearrange(_samples(qkv, part), "s g n three heads e -> three s (g heads) n e")
            if cosine:
                (q, _), (k, _) = unit(q), unit(k)
            q = q * scale.repeat(len(added))[:, None, None]
            out, logsumexp = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
                q.to(qkv.dtype), k.to(qkv.dtype), v, 0.0, False, attn_mask=added.flatten(0, 1).unsqueeze(0), scale=1.0
            )
            sizes = {"b": len(qkv), "heads": len(bias)}
            windows = "(b m) heads" if part is None else "b (m heads)"
            outs.append(rearrange(out, f"{windows} n e -> b m n heads e", **sizes))
            sums.append(rearrange(logsumexp, f"{windows} n -> b m heads n", **sizes))
        out = outs[0] if len(outs) == 1 else torch.cat(outs, dim=1)
        ctx.save_for_backward(qkv, bias, seams, scale, out, torch.cat(sums, dim=1))
        ctx.cosine = cosine
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        qkv, bias, seams, scale, out, logsumexp = ctx.saved_tensors
        exact = torch.promote_types(qkv.dtype, torch.float32)
        gqkv = torch.empty_like(qkv, memory_format=torch.contiguous_format)
        gbias, gscale = torch.zeros_like(bias, dtype=exact), torch.zeros_like(scale, dtype=exact)
        for part, added in _parts(qkv, bias, seams):
            views = [_samples(x, part) for x in (qkv, grad, out, logsumexp, gqkv)]
            step = max(1, CHUNK // added.numel())
            for start in range(0, len(views[0]), step):
                chunk = (x[start : start + step] for x in views)
                gb, gs = _chunk_backward(*chunk, bias=added.to(exact), scale=scale.to(exact), cosine=ctx.cosine)
                gbias += gb
                gscale += gs
        return gqkv, gbias.to(bias.dtype), None, gscale.to(scale.dtype), None


def _chunk_backward(
    qkv: Tensor,
    grad: Tensor,
    out: Tensor,
    logsumexp: Tensor,
    gqkv: Tensor,
    *,
    bias: Tensor,
    scale: Tensor,
    cosine: bool,
) -> tuple[Tensor, Tensor]:
    """Writes the gradient of a few windows into `gqkv`; returns that of the bias and of the scale."""
    exact, apart = bias.dtype, {"g": len(bias)}
    q, k, v = rearrange(qkv, "s g n three heads e -> three s (g heads) n e").to(exact).contiguous()
    g, o = (rearrange(x, "s g n heads e -> s (g heads) n e").to(exact) for x in (grad, out))
    per_head = scale.repeat(len(bias))[:, None, None]
    if cosine:
        (q, q_inverse), (k, k_inverse) = unit(q), unit(k)
    weights = torch.matmul(q * per_head, k.mT).add_(bias.flatten(0, 1)).sub_(logsumexp.flatten(1, 2).unsqueeze(-1))
    weights.exp_()
    gv = torch.matmul(weights.mT, g)
    scores = torch.matmul(g, v.mT).sub_(torch.linalg.vecdot(g, o).unsqueeze(-1)).mul_(weights)
    gq, gk = torch.matmul(scores, k), torch.matmul(scores.mT, q)
    gscale = torch.linalg.vecdot(gq, q).sum((0, 2)).unflatten(0, (len(bias), -1)).sum(0)
    gq, gk = gq * per_head, gk * per_head
    if cosine:
        gq, gk = _through_unit(gq, q, q_inverse), _through_unit(gk, k, k_inverse)
    for place, value in enumerate((gq, gk, gv)):
        gqkv[:, :, :, place] = rearrange(value, "s (g heads) n e -> s g n heads e", **apart)
    return rearrange(scores, "s (g heads) i j -> (s g) heads i j", **apart).sum(0), gscale


def _through_unit(grad: Tensor, direction: Tensor, inverse: Tensor) -> Tensor:
    """Gradient of a vector from that of its direction: what is orthogonal to it, over its length."""
    along = torch.linalg.vecdot(grad, direction).unsqueeze(-1)
    return torch.addcmul(grad, direction, along, value=-1).mul_(inverse)
