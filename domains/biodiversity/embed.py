"""From months of gridded variables to tokens: a token per group of variables and patch, read by a Perceiver."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from jaxtyping import Bool, Float
from torch import Tensor, nn

from humboldt.foundations import Embed, Normaliser, Perceiver, TimeNorm, Tokens, wavelengths

from .adapters import Step
from .batch import GridBatch
from .config import GridConfig
from .encodings import Clock, patch_places

HOURS = (1 / 60, 504.0)  # published wavelengths, meant for hours
MONTHS = (1.0, 1200.0)


class GridEmbed(Embed[GridBatch]):
    """Normalise, cut into patches, map each group, mark level, place and time, norm, and let as many queries read.

    Published behaviour: red-list tokens are made from the forest, the place of token j is that of patch j // groups,
    and the lead time in months is told in wavelengths meant for hours.

    Args:
        config: the model's configuration.
        step: shared with the adapters, told the step of a rollout.
    """

    def __init__(self, config: GridConfig, step: Step | None = None) -> None:
        super().__init__()
        self.config, self.step = config, step or Step()
        width, cells = config.width, config.times * config.patch**2
        groups, rows, columns = config.tokens
        self.normaliser = Normaliser([0.0] * config.channels, [1.0] * config.channels)
        self.groups = nn.ModuleDict({g.name: nn.Linear(len(g.variables) * cells, width) for g in config.groups})
        levels = max(len(group.levels) for group in config.groups)
        self.levels = nn.Parameter(torch.zeros(levels, width))
        self.place = nn.Linear(2 * (2 * config.perceiver.bands + 1), width)
        self.clock = Clock(config)
        self.norm = TimeNorm(width)
        self.queries = nn.Parameter(torch.empty(groups * rows * columns, width))
        self.perceiver = Perceiver(width, groups * rows * columns, config.perceiver)
        condition = config.core.condition
        if condition:
            self.condition = nn.Sequential(nn.Linear(width, condition), nn.SiLU(), nn.Linear(condition, condition))
        if config.published and config.backbone == "swin":
            self.unused = Unused(config)
        nn.init.normal_(self.queries, std=0.02)

    def forward(self, batch: GridBatch) -> Tokens:
        """Tokens of a batch; missing values (NaN) enter as 0 after normalisation, and patches without any are not read.

        Raises:
            ValueError: another number of channels or times, or another grid, than the model's.
        """
        self._check(batch)
        self.step.number = batch.step
        x = self.normaliser(batch.fields)
        known = None if self.config.published else self._known(x)
        x = self._patches(torch.nan_to_num(x, nan=0.0))
        x = x + self._places(batch).to(x.dtype)
        x = rearrange(x, "b l h w d -> b (l h w) d") + self.clock(batch.lead_time.to(x.dtype), batch.month)
        x = self.norm(x)
        x = self.perceiver(x, repeat(self.queries, "q d -> b q d", b=len(x)), known)
        x = rearrange(x, "b (l h w) d -> b l h w d", **self._axes())
        periodic = (False, False, self.config.published or self.config.periodic)
        return Tokens(x, self._condition(batch.lead_time.to(x.dtype)), periodic=periodic)

    def _check(self, batch: GridBatch) -> None:
        expected = (self.config.channels, self.config.times, *self.config.grid)
        if tuple(batch.fields.shape[1:]) != expected:
            raise ValueError(
                f"this model takes fields of (channels, times, rows, columns) = {expected}, got "
                f"{tuple(batch.fields.shape[1:])}; select variables and times, or regrid"
            )

    def _patches(self, x: Float[Tensor, "b c t h w"]) -> Float[Tensor, "b l rows columns d"]:
        found, slices = [], self.config.slices()
        for group in self.config.groups:
            is_forest = self.config.published and group.name == "redlist" and "forest" in slices
            source = slices["forest" if is_forest else group.name]
            fields = rearrange(x[:, source], "b (v l) t h w -> b v l t h w", l=group.tokens)
            fields = fields[:, list(group.order)]
            sizes = {"p": self.config.patch, "q": self.config.patch}
            cut = rearrange(fields, "b v l t (h p) (w q) -> b l h w (v t p q)", **sizes)
            tokens = self.groups[group.name](cut)
            if group.levels:
                tokens = tokens + rearrange(self.levels[: len(group.levels)], "l d -> l 1 1 d")
            found.append(tokens)
        return torch.cat(found, dim=1)

    def _known(self, x: Float[Tensor, "b c t h w"]) -> Bool[Tensor, "b s"] | None:
        """Which tokens have any value; None where all are whole."""
        missing = x.isnan()
        if not missing.any():
            return None
        found, slices, p = [], self.config.slices(), self.config.patch
        for group in self.config.groups:
            there = rearrange(~missing[:, slices[group.name]], "b (v l) t h w -> b l (v t) h w", l=group.tokens).any(2)
            found.append(rearrange(there, "b l (h p) (w q) -> b l h w (p q)", p=p, q=p).any(-1))
        return rearrange(torch.cat(found, dim=1), "b l h w -> b (l h w)")

    def _places(self, batch: GridBatch) -> Float[Tensor, "#l rows columns d"]:
        features = patch_places(batch.latitude, batch.longitude, self.config)
        place = self.place(features.to(self.place.weight.dtype))
        if not self.config.published:
            return place.unsqueeze(0)
        scattered = repeat(place, "h w d -> (h w l) d", l=self.config.tokens[0])
        return rearrange(scattered, "(l h w) d -> l h w d", **self._axes())

    def _axes(self) -> dict[str, int]:
        return dict(zip("lhw", self.config.tokens, strict=True))

    def _condition(self, lead_time: Float[Tensor, " b"]) -> Float[Tensor, "b c"] | None:
        if not self.config.core.condition:
            return None
        shortest, longest = HOURS if self.config.published else MONTHS
        return F.silu(self.condition(wavelengths(lead_time, shortest, longest, self.config.width)))


class Unused(nn.Module):
    """Tensors of a released checkpoint that only grids of one cell would read; kept so that it can be written again."""

    def __init__(self, config: GridConfig) -> None:
        super().__init__()
        widths = [scale.width for scale in config.core.scales]
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths[:-1])
        pairs = pairwise(widths)
        self.expansions = nn.ModuleList(nn.Linear(fine, coarse, bias=False) for fine, coarse in pairs)
        self.requires_grad_(False)
