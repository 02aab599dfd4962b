"""A linear map of an activation that keeps only what went into the activation."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


def gelu_linear(hidden: Float[Tensor, "*b h"], linear: nn.Module) -> Float[Tensor, "*b d"]:
    """linear(gelu(hidden)) with the exact gelu, which the backward pass computes again instead of keeping it.

    A wrapped layer (an adapter, a parametrisation) and a compiled graph, which makes that choice itself, take the
    ordinary way.
    """
    if type(linear) is not nn.Linear or torch.compiler.is_compiling() or not torch.is_grad_enabled():
        return linear(F.gelu(hidden))
    return _GeluLinear.apply(hidden, linear.weight, linear.bias)


class _GeluLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(hidden, weight)
        return F.linear(F.gelu(hidden), weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight = ctx.saved_tensors
        of_hidden, of_weight, of_bias = ctx.needs_input_grad
        rows, inner = grad.flatten(0, -2), hidden.flatten(0, -2)
        gweight = (rows.mT @ F.gelu(inner).to(rows.dtype)).to(weight.dtype) if of_weight else None
        gbias = rows.sum(0).to(weight.dtype) if of_bias else None
        if not of_hidden:
            return None, gweight, gbias
        through = (rows @ weight.to(rows.dtype)).to(inner.dtype)
        return torch.ops.aten.gelu_backward(through, inner).view_as(hidden), gweight, gbias
