"""Where and when: what tokens and queries of BioAnalyst are told of place, lead time and calendar."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Integer
from torch import Tensor, nn

from humboldt.foundations import fourier_features, sinusoid

from .config import GridConfig


def frequencies(config: GridConfig, like: Tensor) -> Float[Tensor, " f"]:
    """Evenly spaced from 1 to the highest."""
    return torch.linspace(1.0, config.perceiver.highest, config.perceiver.bands, device=like.device, dtype=like.dtype)


def scaled(x: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """To [-1, 1] between the smallest and the largest value."""
    low, high = x.aminmax()
    return (x - low) / (high - low).clamp_min(torch.finfo(x.dtype).tiny) * 2 - 1


def patch_places(
    latitude: Float[Tensor, " h"], longitude: Float[Tensor, " w"], config: GridConfig
) -> Float[Tensor, "rows columns features"]:
    """Fourier features of the latitude, then the longitude, of the middle cell of every patch."""
    bands, patch = frequencies(config, latitude), config.patch
    rows, columns = (fourier_features(scaled(x[patch // 2 :: patch]), bands) for x in (latitude, longitude))
    spread = rows.unsqueeze(1).expand(-1, len(columns), -1), columns.unsqueeze(0).expand(len(rows), -1, -1)
    return torch.cat(spread, dim=-1)


def query_places(
    latitude: Float[Tensor, " h"], longitude: Float[Tensor, " w"], count: int, config: GridConfig
) -> Float[Tensor, "q features"]:
    """Latitude, longitude and Fourier features of the column, over the scan of the grid, resampled to `count` queries.

    So each query has a place on the scan by which it is told from the others.
    """
    h, w = len(latitude), len(longitude)
    across = torch.linspace(-1, 1, w, device=longitude.device, dtype=longitude.dtype)
    columns = fourier_features(across, frequencies(config, longitude))
    place = torch.stack([latitude[:, None].expand(h, w), longitude[None].expand(h, w)], dim=-1)
    scan = rearrange(torch.cat([place, columns.expand(h, -1, -1)], dim=-1), "h w f -> 1 f (h w)")
    return F.interpolate(scan, size=count, mode="linear", align_corners=False)[0].mT


class Clock(nn.Module):
    """A linear map of the lead time plus one of the calendar month, each as sines and cosines.

    Args:
        config: the width, and whether all samples are told the month of the first one, as in the published model.
    """

    def __init__(self, config: GridConfig) -> None:
        super().__init__()
        self.width, self.first_only = config.width, config.published
        self.lead_time, self.month = nn.Linear(self.width, self.width), nn.Linear(self.width, self.width)

    def forward(self, lead_time: Float[Tensor, " b"], month: Integer[Tensor, " b"]) -> Float[Tensor, "b 1 d"]:
        """To be added to every token of a sample."""
        month = month[:1].expand_as(month) if self.first_only else month
        told = self.lead_time(sinusoid(lead_time, self.width)) + self.month(sinusoid(month.to(lead_time), self.width))
        return told.unsqueeze(1)
