"""The momentum that unresolved motion carries: a column of the resolved state in, a profile of the flux out."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from humboldt.foundations import Core, Head, Normaliser, Tokens

from .batch import TaskBatch, WeatherPrediction
from .config import WeatherConfig
from .heads import squared_error


class FluxHead(Head[TaskBatch, WeatherPrediction]):
    """flux = mean + deviation * perceptron([column of the state, what encoder and decoder make of it]).

    The decoder is that of the pretrained model and learns when the encoder does; with the method `head` neither does,
    and only the small perceptron of every column is trained (arXiv 2409.13598, section on gravity waves).

    Args:
        config: of a model with the task `flux`.
    """

    def __init__(self, config: WeatherConfig) -> None:
        super().__init__()
        task = config.task
        assert task is not None
        self.config, self.task = config, task
        self.decoder = Core(config.decoder)
        self.spread = nn.Linear(config.width, task.hidden * config.patch**2)
        self.column = Normaliser([0.0] * len(config.channels), [1.0] * len(config.channels))
        self.first = nn.Conv2d(task.hidden + len(config.channels), 2 * task.hidden, 1)
        self.last = nn.Conv2d(2 * task.hidden, len(task.outputs), 1)
        self.outputs = Normaliser([0.0] * len(task.outputs), [1.0] * len(task.outputs))

    def reset_parameters(self) -> None:
        """The flux is its mean at first."""
        nn.init.zeros_(self.last.weight)
        if self.last.bias is not None:
            nn.init.zeros_(self.last.bias)

    def forward(self, tokens: Tokens, batch: TaskBatch) -> WeatherPrediction:
        """The profile over every point of the batch's own grid."""
        rows, columns = batch.fields.shape[-2:]
        units, p = self.config.units((rows, columns)), self.config.patch
        with torch.set_grad_enabled(torch.is_grad_enabled() and tokens.x.requires_grad):
            decoded = self.decoder(Tokens(tokens.x, tokens.condition, units=units)).x
        seen = rearrange(units.lay(self.spread(decoded)), "b h w (c ph pw) -> b c (h ph) (w pw)", ph=p, pw=p)
        column = self.column(batch.fields[:, -1]).nan_to_num(0.0)
        both = torch.cat([seen[..., :rows, :columns], column], dim=1)
        profile = self.outputs.invert(self.last(F.gelu(self.first(both))))
        return WeatherPrediction(profile, self.task.outputs, batch.grid, batch.time)

    def loss(self, prediction: WeatherPrediction, batch: TaskBatch) -> Tensor:
        """Mean of ((p - t) / deviation)^2 over what is known, every column alike."""
        if batch.answer is None:
            raise ValueError("a loss needs an answer, got a batch without one; make it from a SubgridFluxes dataset")
        return squared_error(prediction.fields, batch.answer, None, self.outputs.std.to(prediction.fields) ** -2)
