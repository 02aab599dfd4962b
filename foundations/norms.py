"""Layer norm whose scale and shift are affine in a condition vector.

    y = (x - mean) / sqrt(var + eps),   out = (A t + a) * y + (B t + b)

with the mean and the biased variance over channels, computed in two passes and in float32 at least, whatever the
autocast type (Poseidon, arXiv 2405.19101, section 2; its formula divides by the variance, its models by the deviation).
At initialisation A = B = 0, a = 1, b = 0: a plain layer norm.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


def modulated(
    x: Float[Tensor, "b *grid d"], scale: Float[Tensor, "b d"], shift: Float[Tensor, "b d"], eps: float
) -> Float[Tensor, "b *grid d"]:
    """scale * (x - mean) / sqrt(var + eps) + shift, each sample with its own scale and shift; in float32 at least."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    scale, shift = scale.to(dtype), shift.to(dtype)
    if x.device.type == "cpu" and not torch.compiler.is_compiling():
        return _Modulated.apply(x, scale, shift, eps)
    spread = (len(x), *(1,) * (x.dim() - 2), x.shape[-1])
    normal = F.layer_norm(x.to(dtype), x.shape[-1:], eps=eps)
    return torch.addcmul(shift.view(spread), normal, scale.view(spread)).to(x.dtype)


class _Modulated(torch.autograd.Function):
    """The same, keeping nothing but its input and two numbers per token."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, shift: Tensor, eps: float) -> Tensor:
        samples, plain = x.flatten(1, -2).to(scale.dtype), (scale.new_ones(x.shape[-1]), scale.new_zeros(x.shape[-1]))
        out, mean, inverse = torch.native_layer_norm(samples, x.shape[-1:], *plain, eps)  # quicker than without a scale
        ctx.save_for_backward(x, scale, shift, mean, inverse)
        return torch.addcmul(shift[:, None], out, scale[:, None], out=out).view_as(x).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, scale, shift, mean, inverse = ctx.saved_tensors
        samples, grads = (t.flatten(1, -2).to(scale.dtype) for t in (x, grad))
        parts = [
            torch.ops.aten.native_layer_norm_backward(g, s, s.shape[-1:], m, i, a, b, [True, True, True])
            for g, s, m, i, a, b in zip(grads, samples, mean, inverse, scale, shift, strict=True)
        ]
        gx, gscale, gshift = (torch.stack(of) for of in zip(*parts, strict=True))
        return gx.view_as(x).to(x.dtype), gscale, gshift, None


class TimeNorm(nn.Module):
    """Norm over the last axis, told a condition vector; with `condition=0` an ordinary layer norm.

    Args:
        width: number of channels d.
        condition: width c of the condition vector; 0 for a plain norm.
        eps: added to the variance.
        bias: whether a plain norm adds b; without, out = a * y.
    """

    bias: nn.Parameter | None

    def __init__(self, width: int, condition: int = 0, eps: float = 1e-5, bias: bool = True) -> None:
        super().__init__()
        self.width, self.condition, self.eps = width, condition, eps
        if condition:
            self.scale, self.shift = nn.Linear(condition, width), nn.Linear(condition, width)
        else:
            self.weight = nn.Parameter(torch.empty(width))
            self.bias = nn.Parameter(torch.empty(width)) if bias else None
        self.reset_parameters()

    def reset_parameters(self, gain: float = 1.0) -> None:
        """Make it a plain norm with scale `gain` again."""
        with torch.no_grad():
            if self.condition:
                self.scale.weight.zero_(), self.scale.bias.fill_(gain)
                self.shift.weight.zero_(), self.shift.bias.zero_()
            else:
                self.weight.fill_(gain)
                if self.bias is not None:
                    self.bias.zero_()

    def forward(
        self, x: Float[Tensor, "b *grid d"], condition: Float[Tensor, "b c"] | None = None
    ) -> Float[Tensor, "b *grid d"]:
        """Normalise `x`.

        Raises:
            ValueError: the norm is conditioned and no condition, or one of another width, is given.
        """
        with torch.autocast(x.device.type, enabled=False):
            if not self.condition:
                exact = x.to(self.weight.dtype) if x.dtype.itemsize < self.weight.dtype.itemsize else x
                bias = None if self.bias is None else self.bias.to(exact.dtype)
                return F.layer_norm(exact, (self.width,), self.weight.to(exact.dtype), bias, self.eps).to(x.dtype)
            if condition is None or condition.shape[-1] != self.condition:
                got = None if condition is None else tuple(condition.shape)
                raise ValueError(
                    f"this norm needs a condition of shape (batch, {self.condition}), got {got}; pass the lead time"
                )
            condition = condition.to(self.scale.weight.dtype)
            return modulated(x, self.scale(condition), self.shift(condition), self.eps)

    def extra_repr(self) -> str:
        return f"{self.width}, condition={self.condition}, eps={self.eps}"
