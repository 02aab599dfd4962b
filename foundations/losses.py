"""Losses on fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def relative_error(
    prediction: Float[Tensor, "b c *space"],
    target: Float[Tensor, "b c *space"],
    groups: Sequence[Sequence[int]],
    order: Literal[1, 2] = 1,
    over: Literal["batch", "sample"] = "batch",
    known: Bool[Tensor, "b #c *#space"] | None = None,
    least: float = 0.0,
) -> Float[Tensor, ""]:
    """Mean over channel groups g of  mean |p_g - t_g|^order / (mean |t_g|^order + 1e-10).

    The means run over the whole batch (Poseidon's published loss) or over each sample. Where `known`, the target counts
    as predicted exactly; a group without anything to predict counts as 0.

    Args:
        groups: channel indices of each group, such as the components of a velocity.
        least: a target that is smaller counts as of this size, so that nearly 0 does not outweigh all else.
    """
    space = tuple(range(2, target.dim()))
    dims = (0, *space) if over == "batch" else space
    wrong, there = (_power(x, order).mean(dims) for x in (_difference(prediction, target, known), target))  # by channel
    channels = sorted({c for g in groups for c in g})
    if len(channels) < target.shape[1]:
        wrong, there = wrong[..., channels], there[..., channels]
    shares = torch.tensor([[(c in g) / len(g) for g in groups] for c in channels]).to(wrong)
    wrong, there = ((x.unsqueeze(-1) * shares).sum(-2) for x in (wrong, there))
    return (wrong / (there.clamp(min=least**order) + 1e-10)).mean()


def plain_error(
    prediction: Float[Tensor, "b c *space"],
    target: Float[Tensor, "b c *space"],
    channels: Sequence[int],
    order: Literal[1, 2] = 1,
    known: Bool[Tensor, "b #c *#space"] | None = None,
) -> Float[Tensor, ""]:
    """mean |p - t|^order over samples, `channels` and places; where `known`, the target counts as predicted exactly."""
    return _power(_difference(prediction, target, known)[:, list(channels)], order).mean()


def _difference(prediction: Tensor, target: Tensor, known: Tensor | None) -> Tensor:
    difference = prediction - target
    return difference if known is None else difference.masked_fill(known, 0)


def _power(x: Tensor, order: int) -> Tensor:
    return x.abs() if order == 1 else x.square()
