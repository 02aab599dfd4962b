"""Normalisation as part of the model: applied and inverted in one class, kept in the checkpoint."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Normaliser(nn.Module):
    """(x - mean) / (std + eps) per channel, and back. Both are buffers: they travel with the weights.

    Args:
        mean, std: one value per channel, in the channel's physical units.
        eps: added to every deviation.

    Raises:
        ValueError: a deviation that is not positive.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float], eps: float = 0.0) -> None:
        super().__init__()
        self.eps = eps
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.get_default_dtype()))
        self.register_buffer("std", torch.tensor(std, dtype=torch.get_default_dtype()))
        if any(not s > 0 for s in std):
            raise ValueError(f"standard deviations must be positive, got {list(std)}; drop constant channels or use 1")

    def forward(self, x: Float[Tensor, "b c *space"]) -> Float[Tensor, "b c *space"]:
        """Physical units to normalised."""
        return (x - self._spread(self.mean, x)).div_(self._spread(self.std + self.eps, x))

    def invert(self, x: Float[Tensor, "b c *space"]) -> Float[Tensor, "b c *space"]:
        """Normalised to physical units."""
        return torch.addcmul(self._spread(self.mean, x), x, self._spread(self.std + self.eps, x))

    @staticmethod
    def _spread(values: Tensor, x: Tensor) -> Tensor:
        return values.to(x.dtype).view(-1, *(1,) * (x.dim() - 2))
