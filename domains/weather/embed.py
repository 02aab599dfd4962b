"""From states of the atmosphere to tokens that know their place, their time and the lead time."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import Embed, Normaliser, PatchEmbed, Tokens

from .batch import WeatherBatch
from .config import UNUSED, WeatherConfig
from .inpainting import inpainted


class FourierPosition(nn.Module):
    """[sin(k lat), sin(k lon), cos(k lat), cos(k lon)] for k = 1 ... width / 4, of the mean coordinates of a patch."""

    def __init__(self, width: int, patch: int) -> None:
        super().__init__()
        self.width, self.patch = width, patch

    def forward(self, coordinates: Float[Tensor, "b 2 h w"]) -> Float[Tensor, "b h2 w2 d"]:
        """Coordinates in radians on grid points to an encoding of every patch."""
        places = rearrange(F.avg_pool2d(coordinates, self.patch), "b two h w -> b h w two 1")
        waves = places * torch.arange(1, self.width // 4 + 1, device=places.device, dtype=places.dtype)
        return rearrange([waves.sin(), waves.cos()], "trig b h w two k -> b h w (trig two k)")


class TimeEncoding(nn.Module):
    """[cos a, cos l, sin a, sin l] of linear maps a of the input time and l of the lead time, both in hours.

    Args:
        width: of the vector, a multiple of 4.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.input_time, self.lead_time = nn.Linear(1, width // 4), nn.Linear(1, width // 4)

    def forward(self, input_time: Float[Tensor, " b"], lead_time: Float[Tensor, " b"]) -> Float[Tensor, "b 1 1 d"]:
        """One vector per sample."""
        waves = torch.cat([self.input_time(input_time[:, None]), self.lead_time(lead_time[:, None])], dim=-1)
        return torch.cat([waves.cos(), waves.sin()], dim=-1)[:, None, None]


class ContextEmbed(nn.Module):
    """What is known of every place without looking at the state: static fields, climatology, position.

    Args:
        config: the model's configuration.
    """

    def __init__(self, config: WeatherConfig) -> None:
        super().__init__()
        self.config = config
        count = config.static_statistics
        self.normaliser = Normaliser([0.0] * count, [1.0] * count, config.static_eps)
        channels = len(config.embedded) + (len(config.channels) if config.residual == "climate" else 0)
        self.patches = PatchEmbed(channels, config.width, config.patch, 2)
        self.position = FourierPosition(config.width, config.patch) if config.position == "fourier" else None

    def forward(
        self, static: Float[Tensor, "b s h w"], climate: Float[Tensor, "b c h w"] | None
    ) -> Float[Tensor, "b h2 w2 d"]:
        """Static fields in physical units and a normalised climatology, on whole units, to one vector per patch."""
        known = static[:, len(self.config.static) - len(self.config.embedded) :]
        if self.position is not None:
            room = static.new_zeros(len(static), UNUSED, *static.shape[2:])
            known = self.normaliser(torch.cat([room, known], dim=1))[:, UNUSED:]
        else:
            known = self.normaliser(known)
        known = torch.nan_to_num(known, nan=0.0)
        out = self.patches(known if climate is None else torch.cat([known, climate], dim=1))
        return out if self.position is None else out + self.position(static[:, :2])


class WeatherEmbed(Embed[WeatherBatch]):
    """Normalise, cut into patches, add what is known of place and time, cut into units, leave masked tokens out.

    Args:
        config: the model's configuration.
    """

    def __init__(self, config: WeatherConfig) -> None:
        super().__init__()
        self.config = config
        count = len(config.channels)
        self.normaliser = Normaliser([0.0] * count, [1.0] * count, config.eps)
        self.patches = PatchEmbed(config.input_times * count, config.width, config.patch, 2)
        self.context = ContextEmbed(config)
        self.time = TimeEncoding(config.width)
        self.condition = TimeEncoding(config.core.condition) if config.core.condition else None

    def forward(self, batch: WeatherBatch) -> Tokens:
        """Tokens (unit, slot) of a batch; missing values (NaN) enter as the channel's mean, where they are to be
        reconstructed as smooth values from around.

        A grid that does not consist of whole units is filled up: around the circle where it is one, else by its edge.

        Raises:
            ValueError: channels, static channels or times other than the model's, or no climatology.
        """
        self._check(batch)
        closed = batch.grid is not None and batch.grid.periodic
        x = filled(self._normal(batch.fields, closed), self.config.unit, closed)
        x = F.dropout2d(rearrange(x, "b t c h w -> b (t c) h w"), self.config.channel_dropout, self.training)
        climate = None
        if self.config.residual == "climate" and batch.climate is not None:
            climate = filled(self._normal(batch.climate.unsqueeze(1)).squeeze(1), self.config.unit, closed)
        units = self.config.units(tuple(batch.fields.shape[-2:]))
        context = units.cut(self.context(filled(batch.static, self.config.unit, closed), climate))
        times = batch.input_time, batch.lead_time
        tokens = units.cut(self.patches(x)) + context + self.time(*times)
        told = None if self.condition is None else self.condition(*times)[:, 0, 0]
        if batch.mask is None:
            return Tokens(tokens, told, units=units, context=context)
        whole = units if batch.mask.is_empty else None
        return Tokens(batch.mask.gather(tokens), told, units=whole, context=context)

    def _normal(self, states: Float[Tensor, "b t c h w"], closed: bool = False) -> Float[Tensor, "b t c h w"]:
        flat, task = states.flatten(0, 1), self.config.task
        if task is not None and task.kind == "reconstruction":
            flat = inpainted(flat, self.normaliser.mean[:, None, None].to(flat), closed)
        flat = torch.nan_to_num(self.normaliser(flat), nan=0.0)
        return flat.unflatten(0, states.shape[:2])

    def _check(self, batch: WeatherBatch) -> None:
        config = self.config
        wanted = (config.input_times, len(config.channels), len(config.static))
        given = (batch.fields.shape[1], batch.fields.shape[2], batch.static.shape[1])
        if given != wanted:
            raise ValueError(
                f"this model takes (times, channels, static channels) {wanted}, got {given}; open the data with "
                "channels=model.config.channels and static=model.config.static"
            )
        for kind, mine, theirs in (
            ("channels", config.channels, batch.channels),
            ("static channels", config.static, batch.static_channels),
        ):
            wrong = [f"{t.name} [{t.units}] for {m.name} [{m.units}]" for m, t in zip(mine, theirs, strict=False) if
                     (m.name, m.units) != (t.name, t.units)]  # fmt: skip
            if wrong:
                raise ValueError(f"{kind} come in the model's order and units, got {wrong[:3]}; see `arranged`")
        if config.residual == "climate" and batch.climate is None:
            raise ValueError(
                "this model corrects a climatology, got a batch without one; open the data with climatology=..."
            )


def filled(x: Float[Tensor, "b *c h w"], unit: tuple[int, int], closed: bool) -> Float[Tensor, "b *c h2 w2"]:
    """Up to whole units: more columns go around the circle if it is `closed`, else repeat the edge, as rows do."""
    rows, columns = (-n % size for n, size in zip(x.shape[-2:], unit, strict=True))
    if columns:
        around = torch.arange(x.shape[-1] + columns, device=x.device)
        x = x[..., around % x.shape[-1] if closed else around.clamp(max=x.shape[-1] - 1)]
    if rows:
        x = torch.cat([x, x[..., -1:, :].expand(*x.shape[:-2], rows, x.shape[-1])], dim=-2)
    return x
