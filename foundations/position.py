"""Log-spaced continuous position bias (Swin Transformer V2, arXiv 2111.09883, section 3.3)."""

from __future__ import annotations

import math

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from .windows import remembered


@remembered
def offsets(window: tuple[int, ...], device: torch.device) -> Float[Tensor, "offsets axes"]:
    """Log-spaced offsets between two tokens of a window, row-major over the axes: sign(u) log2(|u| + 1) / log2(8) with
    u = 8 offset / (w - 1). In float32, as the released models were trained."""
    axes = [torch.arange(-(w - 1), w, dtype=torch.float32, device="cpu") / max(w - 1, 1) * 8 for w in window]
    table = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flatten(0, -2)
    return (table.sign() * torch.log2(table.abs() + 1) / 3.0).to(device)


def of_pairs(table: Float[Tensor, "heads offsets"], window: tuple[int, ...]) -> Float[Tensor, "heads n n"]:
    """For every pair (query, key) of a window the entry of `table`, in the order of `offsets`, for query - key.

    Along one axis the entries of a query i are table[i : i + w], read from the last key to the first.
    """
    spread = table.unflatten(1, [2 * w - 1 for w in window])
    for axis, w in enumerate(window):
        spread = spread.unfold(axis + 1, w, 1)
    keys = [axis - len(window) for axis in range(len(window))]
    return spread.flip(keys).reshape(len(table), math.prod(window), math.prod(window))


class LogPositionBias(nn.Module):
    """B[head, i, j] = 16 sigmoid(MLP(offset(i, j))): a score per pair of places in a window of any size.

    Args:
        axes: number of grid axes.
        heads: number of attention heads.
        hidden: width of the perceptron's hidden layer.
    """

    def __init__(self, axes: int, heads: int, hidden: int = 512) -> None:
        super().__init__()
        self.hidden = nn.Linear(axes, hidden)
        self.out = nn.Linear(hidden, heads, bias=False)

    def forward(self, window: tuple[int, ...]) -> Float[Tensor, "heads n n"]:
        """Bias of every pair of tokens in a window of this shape."""
        device = self.out.weight.device
        with torch.autocast(device.type, enabled=False):
            table = offsets(window, device).to(self.out.weight.dtype)
            bias = 16 * torch.sigmoid(self.out(self.hidden(table).relu_()))
            return of_pairs(rearrange(bias, "offsets heads -> heads offsets"), window)
