"""Two linear maps with an activation between them, of which only what goes into the activation is kept."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .linear import Linear, outer, product


def perceptron(x: Float[Tensor, "*b k"], expand: nn.Module, contract: nn.Module) -> Float[Tensor, "*b d"]:
    """contract(gelu(expand(x))) with the exact gelu, which the backward pass computes again instead of keeping it.

    A wrapped layer (an adapter, a parametrisation) and a compiled graph, which makes that choice itself, take the
    ordinary way.
    """
    if type(expand) is not Linear or type(contract) is not Linear or torch.compiler.is_compiling():
        return contract(F.gelu(expand(x)))
    if not torch.is_grad_enabled():
        return contract(product(x, expand.weight, expand.bias, "gelu"))
    return _GeluLinear.apply(expand(x), contract.weight, contract.bias)


class _GeluLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(hidden, weight)
        return product(F.gelu(hidden), weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight = ctx.saved_tensors
        of_hidden, of_weight, of_bias = ctx.needs_input_grad
        rows, inner = grad.flatten(0, -2), hidden.flatten(0, -2)
        gweight = outer(rows, F.gelu(inner).to(rows.dtype)).to(weight.dtype) if of_weight else None
        gbias = rows.sum(0).to(weight.dtype) if of_bias else None
        if not of_hidden:
            return None, gweight, gbias
        through = product(rows, weight.to(rows.dtype).mT).to(inner.dtype)
        return torch.ops.aten.gelu_backward(through, inner).view_as(hidden), gweight, gbias
