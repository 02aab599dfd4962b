"""Linear maps whose float32 products are made by oneDNN on processors with AVX-512.

For `torch.nn.functional.linear` torch asks another library. On an AMD EPYC with AVX-512 that one was slower in every
shape tried; on one with AVX2 it was faster in nearly all, so there it is asked (`benchmarks/notes_core.md`). It is also
asked for few rows, for which oneDNN still has to lay out the weight anew (`benchmarks/notes_graphs.md`). Names, shapes
and values of the weights are those of `nn.Linear`. Everything else than float32 on CPU (autocast, double, an
accelerator, a compiled graph) takes the ordinary way.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

PREFERRED = (
    torch.backends.mkldnn.is_available()
    and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    and torch.backends.cpu.get_cpu_capability() == "AVX512"
)
MANY = 512  # rows from which oneDNN is asked


class Linear(nn.Linear):
    """x W^T + b on the last axis."""

    def forward(self, x: Float[Tensor, "*b k"]) -> Float[Tensor, "*b n"]:
        """Apply to the last axis."""
        return linear(x, self.weight, self.bias)


def linear(
    x: Float[Tensor, "*b k"], weight: Float[Tensor, "n k"], bias: Float[Tensor, " n"] | None
) -> Float[Tensor, "*b n"]:
    """x W^T + b; differentiable once where oneDNN is asked."""
    return _Linear.apply(x, weight, bias) if suits(x, weight) else F.linear(x, weight, bias)


def suits(x: Tensor, weight: Tensor) -> bool:
    """Whether the product is made by oneDNN."""
    return bool(
        PREFERRED
        and torch.backends.mkldnn.enabled
        and x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and x.numel() >= MANY * x.shape[-1] > 0
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None, activation: str = "none") -> Tensor:
    """activation(x W^T + b) without a gradient; the activation is `none` or the exact `gelu`."""
    if suits(x, weight):
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, activation, [], "none")
    out = F.linear(x, weight, bias)
    return torch.ops.aten.gelu_(out) if activation == "gelu" else out


def outer(grad: Float[Tensor, "m n"], x: Float[Tensor, "m k"]) -> Float[Tensor, "n k"]:
    """grad^T x, the gradient of a weight; oneDNN likes the shorter side first."""
    return product(grad.mT, x.mT) if grad.shape[1] <= x.shape[1] else product(x.mT, grad.mT).mT


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return product(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        rows = grad.flatten(0, -2)
        return (
            product(grad, weight.mT) if of_x else None,
            outer(rows, x.flatten(0, -2)) if of_weight else None,
            rows.sum(0) if of_bias else None,
        )
