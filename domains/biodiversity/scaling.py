"""How the published model scales its fields, and how its code scales them back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from humboldt.foundations import Model, Normaliser

Mode = Literal["normalize", "standardize"]


def shift_and_scale(statistics: Mapping[str, object], mode: Mode, like: Tensor) -> tuple[Tensor, Tensor]:
    """(min, max - min) or (mean, std): one value, or one a level, shaped to the level axis (the second) of `like`."""

    def value(name: str) -> Tensor:
        found = torch.as_tensor(statistics[name], dtype=like.dtype)
        return found.view(-1, *(1,) * (like.dim() - 2)) if found.dim() else found

    if mode == "normalize":
        return value("min"), value("max") - value("min")
    return value("mean"), value("std")


def scale(x: Float[Tensor, "*any"], statistics: Mapping[str, object], mode: Mode) -> Float[Tensor, "*any"]:
    """(x - min) / (max - min), which the published code calls `normalize`, or (x - mean) / std."""
    shift, width = shift_and_scale(statistics, mode, x)
    return (x - shift) / width


def unscale(
    x: Float[Tensor, "*any"],
    statistics: Mapping[str, object],
    mode: Mode,
    behaviour: Literal["corrected", "published"] = "corrected",
) -> Float[Tensor, "*any"]:
    """The inverse of `scale`.

    Published behaviour: variables without levels are *divided* by the width once more, x / (max - min) + min. Figures
    that the published code prints in original units are of that kind; predictions of ours never are.
    """
    shift, width = shift_and_scale(statistics, mode, x)
    if behaviour == "published" and not width.dim():
        return x / width + shift
    return x * width + shift


def set_statistics(model: Model, statistics: Mapping[str, Mapping[str, float]], mode: Mode = "standardize") -> None:
    """Give a model the statistics of data (`MonthDataset.statistics`), in place.

    The width of a channel that does not vary is 1.

    Raises:
        ValueError: another number of channels than the model's.
    """
    rows = list(statistics.values())
    if len(rows) != model.config.channels:
        raise ValueError(f"this model has {model.config.channels} channels, got statistics of {len(rows)}")
    low, high = ("min", "max") if mode == "normalize" else ("mean", "std")
    shift = torch.tensor([row[low] for row in rows])
    width = torch.tensor([row["max"] - row["min"] if mode == "normalize" else row[high] for row in rows])
    for part in (model.embed, model.head):
        normaliser = part.get_submodule("normaliser")
        assert isinstance(normaliser, Normaliser)
        normaliser.mean.copy_(shift)
        normaliser.std.copy_(torch.where(width > 0, width, 1.0))
