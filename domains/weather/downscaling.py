"""Coarse in, fine out: the encoder of a pretrained model, and a head that goes up to a finer grid."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import Head, Normaliser, Tokens

from .batch import TaskBatch, WeatherPrediction
from .channels import position
from .config import WeatherConfig
from .heads import squared_error


class DownscalingHead(Head[TaskBatch, WeatherPrediction]):
    """state = bicubic + deviation * correction, on a grid with `factor` times the points along each axis.

    What the encoder makes of the coarse state becomes `hidden` channels on its points, goes up in one pixel shuffle,
    meets the bicubic state and the fine details that are known beforehand, and is corrected by two convolutions.
    The last one starts at zero, so that training begins with the bicubic state.

    Args:
        config: of a model with a task whose outputs are among its channels.
    """

    def __init__(self, config: WeatherConfig) -> None:
        super().__init__()
        task = config.task
        assert task is not None
        self.config, self.task, count = config, task, len(task.outputs)
        self.places = [position(config.channels, c.name) for c in task.outputs]
        self.spread = nn.Linear(config.width, task.hidden * config.patch**2)
        self.up = nn.Conv2d(task.hidden, task.hidden * task.factor**2, 3)
        self.meet = nn.Conv2d(task.hidden + count + len(task.details), 2 * task.hidden, 3)
        self.last = nn.Conv2d(2 * task.hidden, count, 3)
        self.outputs = Normaliser([0.0] * count, [1.0] * count)

    def reset_parameters(self) -> None:
        """The correction is zero at first."""
        nn.init.zeros_(self.last.weight)
        if self.last.bias is not None:
            nn.init.zeros_(self.last.bias)

    def forward(self, tokens: Tokens, batch: TaskBatch) -> WeatherPrediction:
        """The fine state; coarse values that are missing are taken for the channel's mean."""
        p, closed = self.config.patch, batch.grid is not None and batch.grid.periodic
        rows, columns = batch.fields.shape[-2:]
        units = self.config.units((rows, columns))
        coarse = rearrange(units.lay(self.spread(tokens.x)), "b h w (c ph pw) -> b c (h ph) (w pw)", ph=p, pw=p)
        fine = F.pixel_shuffle(self.up(around(coarse[..., :rows, :columns], closed)), self.task.factor)
        base = self.outputs(self.bicubic(batch))
        details = [] if batch.details is None else [standard(batch.details)]
        met = F.gelu(self.meet(around(torch.cat([F.gelu(fine), base, *details], dim=1), closed)))
        state = self.outputs.invert(base + self.last(around(met, closed)))
        return WeatherPrediction(state, self.task.outputs, batch.answer_grid, batch.time)

    def bicubic(self, batch: TaskBatch) -> Float[Tensor, "b c h2 w2"]:
        """The newest coarse state of the outputs on the fine grid."""
        state = batch.fields[:, -1, self.places]
        state = torch.where(state.isnan(), self.outputs.mean[:, None, None].to(state), state)
        return bicubic(state, self.task.factor, batch.grid is not None and batch.grid.periodic)

    def loss(self, prediction: WeatherPrediction, batch: TaskBatch) -> Tensor:
        """Mean of cos(latitude) ((p - t) / deviation)^2 over what is known."""
        if batch.answer is None:
            raise ValueError("a loss needs an answer, got a batch without one; make it from a Downscaling dataset")
        rows = None
        if batch.answer_grid is not None:
            rows = torch.as_tensor(batch.answer_grid.cosine_weights()).to(prediction.fields)
        return squared_error(prediction.fields, batch.answer, rows, self.outputs.std.to(prediction.fields) ** -2)


def bicubic(x: Float[Tensor, "b c h w"], factor: int, closed: bool) -> Float[Tensor, "b c h2 w2"]:
    """Bicubic interpolation to the centres of `factor` x `factor` fine cells in every cell; around a closed circle."""
    wide = around(x, closed, 3) if closed else x
    fine = F.interpolate(wide, scale_factor=factor, mode="bicubic", align_corners=False)
    return fine[..., 3 * factor : -3 * factor, 3 * factor : -3 * factor] if closed else fine


def around(x: Float[Tensor, "b c h w"], closed: bool, width: int = 1) -> Float[Tensor, "b c h2 w2"]:
    """More points at every border: around the circle if it is closed, else the nearest."""
    x = F.pad(x, (width, width, 0, 0), mode="circular" if closed else "replicate")
    return F.pad(x, (0, 0, width, width), mode="replicate")


def standard(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """Every field brought to mean 0 and deviation 1."""
    mean, std = x.mean((-2, -1), keepdim=True), x.std((-2, -1), keepdim=True)
    return (x - mean) / std.clamp(min=1e-6)
