"""Layer norm whose scale and shift are affine in a condition vector.

    y = (x - mean) / sqrt(var + eps),   out = (A t + a) * y + (B t + b)

with the mean and the biased variance over channels, computed in two passes and in float32 at least, whatever the
autocast type (Poseidon, arXiv 2405.19101, section 2; its formula divides by the variance, its models by the deviation).
At initialisation A = B = 0, a = 1, b = 0: a plain layer norm.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn


def modulated(
    x: Float[Tensor, "b *grid d"], scale: Float[Tensor, "b d"], shift: Float[Tensor, "b d"], eps: float
) -> Float[Tensor, "b *grid d"]:
    """scale * (x - mean) / sqrt(var + eps) + shift, each sample with its own scale and shift; in float32 at least."""
    exact = x.to(torch.promote_types(x.dtype, torch.float32))
    spread = (len(x), *(1,) * (x.dim() - 2), x.shape[-1])
    scale, shift = scale.to(exact.dtype).view(spread), shift.to(exact.dtype).view(spread)
    return torch.addcmul(shift, F.layer_norm(exact, x.shape[-1:], eps=eps), scale).to(x.dtype)


class TimeNorm(nn.Module):
    """Norm over the last axis, told a condition vector; with `condition=0` an ordinary layer norm.

    Args:
        width: number of channels d.
        condition: width c of the condition vector; 0 for a plain norm.
        eps: added to the variance.
    """

    def __init__(self, width: int, condition: int = 0, eps: float = 1e-5) -> None:
        super().__init__()
        self.width, self.condition, self.eps = width, condition, eps
        if condition:
            self.scale, self.shift = nn.Linear(condition, width), nn.Linear(condition, width)
        else:
            self.weight, self.bias = nn.Parameter(torch.empty(width)), nn.Parameter(torch.empty(width))
        self.reset_parameters()

    def reset_parameters(self, gain: float = 1.0) -> None:
        """Make it a plain norm with scale `gain` again."""
        with torch.no_grad():
            if self.condition:
                self.scale.weight.zero_(), self.scale.bias.fill_(gain)
                self.shift.weight.zero_(), self.shift.bias.zero_()
            else:
                self.weight.fill_(gain), self.bias.zero_()

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
                return F.layer_norm(
                    exact, (self.width,), self.weight.to(exact.dtype), self.bias.to(exact.dtype), self.eps
                ).to(x.dtype)
            if condition is None or condition.shape[-1] != self.condition:
                got = None if condition is None else tuple(condition.shape)
                raise ValueError(
                    f"this norm needs a condition of shape (batch, {self.condition}), got {got}; pass the lead time"
                )
            condition = condition.to(self.scale.weight.dtype)
            return modulated(x, self.scale(condition), self.shift(condition), self.eps)

    def extra_repr(self) -> str:
        return f"{self.width}, condition={self.condition}, eps={self.eps}"
