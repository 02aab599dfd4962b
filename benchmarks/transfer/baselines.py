"""Baselines of well-kept libraries behind the same face as our models: `model(batch)`, `model.loss(batch)`.

Both work on normalised fields, predict the increment, and are trained on the loss of our models. FNO: neuraloperator
2.0, told the lead time by a constant extra channel. U-Net: diffusers 0.42 (residual blocks, group norm), told the lead
time by its own time embedding and made periodic by circular padding where the data are.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from humboldt.domains.pde import Channel, FieldBatch, FieldPrediction, PDEConfig
from humboldt.foundations import Context, CoreConfig, Normaliser, ScaleConfig, relative_error

Statistics = dict[str, tuple[float, float]]


class Increment(nn.Module):
    """state + network(state, lead time / horizon), in normalised fields.

    Args:
        network: (normalised fields (b, c, *space), lead time over horizon (b,)) to increments (b, c, *space).
        channels: what the fields hold, in and out.
        statistics: mean and deviation of every channel.
        horizon: lead time that counts as 1.
    """

    def __init__(self, network: nn.Module, channels: Sequence[Channel], statistics: Statistics, horizon: float) -> None:
        super().__init__()
        self.network, self.horizon, self.context = network, horizon, Context()
        self.config = described(channels, horizon)
        means, deviations = zip(*(statistics[c.name] for c in channels), strict=True)
        self.normaliser = Normaliser(means, deviations)

    def forward(self, batch: FieldBatch) -> FieldPrediction:
        """The state after the lead time, in physical units."""
        state = self.normaliser(batch.fields)
        time = batch.lead_time.to(state.dtype) / self.horizon
        return FieldPrediction(self.normaliser.invert(state + self.network(state, time)))

    def loss(self, batch: FieldBatch) -> Tensor:
        """The loss of `ForecastHead`, in normalised fields."""
        assert batch.target is not None
        predicted, target = self.normaliser(self(batch).fields), self.normaliser(batch.target)
        return relative_error(predicted, target, list(self.config.groups.values()), known=batch.known)


class LeadTimeChannel(nn.Module):
    """Appends the lead time as a constant channel."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """(b, c, *space) and (b,) to what the network makes of (b, c + 1, *space)."""
        constant = time.view(-1, 1, *(1,) * (x.dim() - 2)).expand(-1, 1, *x.shape[2:])
        return self.network(torch.cat([x, constant], dim=1))


class LeadTimeEmbedding(nn.Module):
    """Hands the lead time to the network's own embedding, which was made for steps from 0 to 1000."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """(b, c, *space) and (b,) to (b, c, *space)."""
        return self.network(x, 1000 * time).sample


def fno(channels: int, *, width: int = 64, modes: int = 16, layers: int = 4) -> nn.Module:
    """Fourier neural operator (arXiv 2010.08895); no grid channels, so that it commutes with translations."""
    from neuralop.models import FNO

    network = FNO(
        n_modes=(modes, modes),
        in_channels=channels + 1,
        out_channels=channels,
        hidden_channels=width,
        n_layers=layers,
        positional_embedding=None,
    )
    return LeadTimeChannel(network)


def unet(channels: int, *, width: int = 32, periodic: bool = True) -> nn.Module:
    """Residual U-Net with three scales (arXiv 1505.04597, blocks of arXiv 2006.11239), without attention."""
    from diffusers import UNet2DModel

    network = UNet2DModel(
        in_channels=channels,
        out_channels=channels,
        block_out_channels=(width, 2 * width, 4 * width),
        layers_per_block=1,
        norm_num_groups=8,
        down_block_types=("DownBlock2D",) * 3,
        up_block_types=("UpBlock2D",) * 3,
        add_attention=False,
    )
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and periodic:
            module.padding_mode = "circular"
    return LeadTimeEmbedding(network)


def described(channels: Sequence[Channel], horizon: float) -> PDEConfig:
    """Channels and groups, for scoring; the core is empty."""
    nothing = CoreConfig(axes=2, scales=(ScaleConfig(width=1, down=()),))
    return PDEConfig(inputs=tuple(channels), outputs=tuple(channels), core=nothing, patch=1, horizon=horizon)
