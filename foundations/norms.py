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
        if not self.condition:
            return F.layer_norm(x, (self.width,), self.weight.to(x.dtype), self.bias.to(x.dtype), self.eps)
        if condition is None or condition.shape[-1] != self.condition:
            got = None if condition is None else tuple(condition.shape)
            raise ValueError(
                f"this norm needs a condition of shape (batch, {self.condition}), got {got}; pass the lead time"
            )
        spread = (len(x), *(1,) * (x.dim() - 2), self.width)
        scale = self.scale(condition).to(x.dtype).view(spread)
        shift = self.shift(condition).to(x.dtype).view(spread)
        return torch.addcmul(shift, F.layer_norm(x, (self.width,), eps=self.eps), scale)

    def extra_repr(self) -> str:
        return f"{self.width}, condition={self.condition}, eps={self.eps}"
