"""Attention that never keeps a score matrix, also where the added bias is learned.

`torch.nn.functional.scaled_dot_product_attention` falls back to materialised scores on CPU as soon as its mask needs a
gradient. `attend_windows` keeps the fused forward there, saves only the projections, and recomputes scores chunk by
chunk in the backward pass. What is subtracted from all scores of a query rides along in the matrix products as one more
channel. Weights are powers of two: the library's exponential takes twenty times as long where its result is subnormal,
as it is behind every seam of -100.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from .windows import HIDDEN, lowest

CHUNK = 1 << 18  # scores recomputed at a time: 1 MB in float32 stays in the cache
LOG2E = math.log2(math.e)
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


def _samples(x: Float[Tensor, "b m ..."], seams: Tensor | None) -> Float[Tensor, "s g ..."]:
    """s samples of g different windows (a view): without seams all windows are samples of one."""
    return x.flatten(0, 1).unsqueeze(1) if seams is None else x


def _added(bias: Tensor, seams: Tensor | None, part: slice, dtype: torch.dtype) -> Float[Tensor, "g heads n n"]:
    """What is added to the scores of a part of the windows, rounded to their type once for both passes."""
    return (bias.unsqueeze(0) if seams is None else bias + seams[part, None]).to(dtype)


def _chunks(windows: int, samples: int, scores: int) -> Iterator[tuple[slice, slice]]:
    """About `CHUNK` scores at a time: a few windows in all samples, or one window in a few samples."""
    many, few = max(1, CHUNK // (samples * scores)), max(1, min(samples, CHUNK // scores))
    for window in range(0, windows, many):
        for sample in range(0, samples, few):
            yield slice(window, window + many), slice(sample, sample + few)


class _Windows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, qkv: Tensor, bias: Tensor, seams: Tensor | None, scale: Tensor, cosine: bool) -> Tensor:
        inverse, x = None, qkv
        if cosine:
            x, inverse = unit(qkv[:, :, :, :2])
        q, k = rearrange(_samples(x, seams)[:, :, :, :2], "s g n two heads e -> two s g heads n e")
        v = rearrange(_samples(qkv[:, :, :, 2], seams), "s g n heads e -> s g heads n e")
        q = q * scale[:, None, None]
        outs, sums, step = [], [], max(1, CHUNK // bias.numel())
        for start in range(0, q.shape[1], step):
            part = slice(start, start + step)
            added = _added(bias, seams, part, qkv.dtype).flatten(0, 1).unsqueeze(0)
            of_part = (t[:, part].flatten(1, 2).to(qkv.dtype) for t in (q, k, v))
            out, logsumexp = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
                *of_part, 0.0, False, attn_mask=added, scale=1.0
            )
            outs.append(rearrange(out, "s (g heads) n e -> s g n heads e", heads=len(bias)))
            sums.append(rearrange(logsumexp, "s (g heads) n -> s g heads n", heads=len(bias)))
        out = (outs[0] if len(outs) == 1 else torch.cat(outs, dim=1)).reshape_as(qkv[:, :, :, 2])
        ctx.save_for_backward(qkv, bias, seams, scale, inverse, out, torch.cat(sums, dim=1))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        qkv, bias, seams, scale, inverse, out, logsumexp = ctx.saved_tensors
        exact = torch.promote_types(qkv.dtype, torch.float32)
        per_head = scale.to(exact)[:, None, None]
        q, k, v = rearrange(_samples(qkv, seams), "s g n three heads e -> three g s heads n e").to(exact)
        g, o = (rearrange(_samples(x, seams), "s g n heads e -> g s heads n e").to(exact) for x in (grad, out))
        if inverse is not None:
            of_q, of_k = rearrange(_samples(inverse, seams), "s g n two heads 1 -> two g s heads n 1")
            q, k = q * of_q, k * of_k
        queries = torch.cat((q * (per_head * LOG2E), logsumexp.movedim(1, 0).unsqueeze(-1).to(exact) * -LOG2E), -1)
        grads = torch.cat((g, torch.linalg.vecdot(g, o).unsqueeze(-1).neg_()), -1)
        one = torch.ones_like(grads[..., :1])
        keys, values = torch.cat((k, one), -1), torch.cat((v, one), -1)
        gq, gk, gv, gbias = _scores_backward(queries, keys, values, grads, bias, seams, qkv.dtype)
        gk = gk.mT.mul(1 / LOG2E)
        along = torch.linalg.vecdot(gq, q)
        gscale = along.sum((0, 1, 3))
        if inverse is not None:  # a vector's gradient from its direction's: what is orthogonal to it, over its length
            gq = torch.addcmul(gq, q, along.unsqueeze(-1), value=-1).mul_(of_q)
            gk = torch.addcmul(gk, k, torch.linalg.vecdot(gk, k).unsqueeze(-1), value=-1).mul_(of_k)
        gqkv = torch.empty_like(qkv, memory_format=torch.contiguous_format)
        for place, value in enumerate((gq.mul_(per_head), gk, gv.mT)):
            _samples(gqkv, seams)[:, :, :, place] = rearrange(value, "g s heads n e -> s g n heads e")
        return gqkv, gbias.to(bias.dtype), None, gscale.to(scale.dtype), None


def _scores_backward(
    queries: Float[Tensor, "g s heads n e1"],
    keys: Float[Tensor, "g s heads n e1"],
    values: Float[Tensor, "g s heads n e1"],
    grads: Float[Tensor, "g s heads n e1"],
    bias: Float[Tensor, "heads n n"],
    seams: Float[Tensor, "g n n"] | None,
    dtype: torch.dtype,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of queries, keys (e n), values (e n) and bias, from four tensors of which the last channel is
    minus the logarithm of the sum, one, one, and minus the mean gradient of a query's scores."""
    windows, samples, heads, n, _ = queries.shape
    gq = torch.empty_like(queries[..., :-1], memory_format=torch.contiguous_format)
    gk, gv = (torch.empty_like(gq.mT, memory_format=torch.contiguous_format) for _ in range(2))
    gbias, buffers = torch.zeros_like(bias, dtype=queries.dtype), None
    for part, few in _chunks(windows, samples, bias.numel()):
        added = _added(bias, seams, part, dtype).to(queries.dtype).unsqueeze(1) * LOG2E
        chunk = (x[part, few].flatten(0, 2) for x in (queries, keys, values, grads, gq, gk, gv))
        q, k, v, g, gq_, gk_, gv_ = chunk
        if buffers is None:
            buffers = queries.new_empty(2, len(q), n, n)
        weights, scores = buffers[:, : len(q)]
        apart = weights.view(-1, min(samples, few.stop) - few.start, heads, n, n)
        torch.bmm(q, k.mT, out=weights)
        apart.add_(added).exp2_()
        torch.bmm(g[..., :-1].mT, weights, out=gv_)
        torch.bmm(g, v.mT, out=scores).mul_(weights)
        torch.bmm(scores, k[..., :-1], out=gq_)
        torch.bmm(q[..., :-1].mT, scores, out=gk_)
        gbias += scores.view_as(apart).sum((0, 1)) if len(q) > heads else scores
    return gq, gk, gv, gbias
