"""Binds the parts of a model of populations."""

from __future__ import annotations

from torch import nn

from humboldt.foundations import Core, Model, TimeNorm

from .config import PopulationConfig
from .embed import CountEmbed
from .heads import CountHead


def build_populations(config: PopulationConfig) -> Model:
    """A model with fresh weights; it forecasts about the mean of each site."""
    model = Model(CountEmbed(config), Core(config.core), CountHead(config), domain="biodiversity", config=config)
    for part in model.modules():
        if isinstance(part, nn.Linear):
            nn.init.trunc_normal_(part.weight, std=part.in_features**-0.5)
            nn.init.zeros_(part.bias)
    for part in model.modules():
        if isinstance(part, TimeNorm):
            part.reset_parameters()
    nn.init.trunc_normal_(model.head.get_parameter("last.weight"), std=0.1 * config.core.scales[0].width ** -0.5)
    return model
