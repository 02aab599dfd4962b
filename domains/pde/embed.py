"""From fields in physical units to tokens that know their lead time."""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import Embed, Normaliser, PatchEmbed, TimeNorm, Tokens

from .batch import FieldBatch
from .config import PDEConfig
from .resample import resample


class FieldEmbed(Embed[FieldBatch]):
    """Normalise, resample if the model has a resolution of its own, cut into patches, norm, mark places.

    The fields of a model with a fine path go along with the tokens, as their context.

    Args:
        config: the model's configuration.
    """

    def __init__(self, config: PDEConfig) -> None:
        super().__init__()
        self.config = config
        core, count = config.core, len(config.inputs)
        width = core.scales[0].width
        self.normaliser = Normaliser([0.0] * count, [1.0] * count)
        self.patches = PatchEmbed(count, width, config.patch, core.axes)
        self.norm = TimeNorm(width, core.condition)
        if config.mask_token:
            self.mask_token = nn.Parameter(torch.zeros(width))
        if config.absolute_position:
            grid = (config.resolution // config.patch,) * core.axes  # type: ignore[operator]
            self.position = nn.Parameter(torch.zeros(*grid, width))

    def forward(self, batch: FieldBatch) -> Tokens:
        """Tokens of a batch; missing values (NaN) enter as the channel's mean.

        Raises:
            ValueError: another number of channels or axes than the model's.
        """
        config = self.config
        got, axes = tuple(batch.fields.shape), config.core.axes
        if got[1] != len(config.inputs) or len(got) - 2 != axes:
            cure = (
                "put data into its channels with data.arranged(model.config.inputs, model.config.outputs)"
                if len(got) - 2 == axes
                else f"a model of {len(got) - 2} axes is made with humboldt.domains.pde.operator"
            )
            raise ValueError(
                f"this model takes {len(config.inputs)} channels {[c.name for c in config.inputs]} on {axes} axes, got "
                f"fields of shape {got}; {cure}"
            )
        x = self.inputs(batch)
        time = batch.lead_time.to(x.dtype).unsqueeze(-1) / config.horizon if config.core.condition else None
        fields = None if config.fine is None else rearrange(x, "b c ... -> b ... c")
        x = self.norm(self.patches(self.filled(x, batch.periodic)), time)
        if batch.hidden is not None:
            hidden = batch.hidden.view(*x.shape[:-1], 1)
            x = torch.where(hidden, self.mask_token.to(x.dtype), x)
        if config.absolute_position:
            x = x + self.position
        return Tokens(x, time, periodic=batch.periodic if config.periodic else (), context=fields)

    def inputs(self, batch: FieldBatch) -> Float[Tensor, "b c *size"]:
        """Normalised fields on the model's own grid."""
        x = torch.nan_to_num(self.normaliser(batch.fields), nan=0.0)
        size = self.config.resolution
        return x if size is None else resample(x, (size,) * (x.dim() - 2))

    def filled(self, x: Tensor, periodic: tuple[bool, ...]) -> Tensor:
        """Up to whole patches: wrapped on periodic axes, repeated at the edge on others."""
        for axis in range(2, x.dim()):
            missing = -x.shape[axis] % self.config.patch
            if missing:
                wrap = bool(periodic) and periodic[axis - 2] and x.shape[axis] >= missing
                tail = x.narrow(axis, 0, missing) if wrap else _edge(x, axis, missing)
                x = torch.cat([x, tail], dim=axis)
        return x


def _edge(x: Tensor, axis: int, count: int) -> Tensor:
    last = x.narrow(axis, x.shape[axis] - 1, 1)
    return last.expand(*x.shape[:axis], count, *x.shape[axis + 1 :])
