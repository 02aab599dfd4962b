"""Binds the parts of a model of species distributions."""

from __future__ import annotations

from torch import nn

from humboldt.foundations import Core, Model, TimeNorm

from .config import SpeciesConfig
from .embed import SpeciesEmbed
from .heads import ResponseHead


def build_species(config: SpeciesConfig) -> Model:
    """A model with fresh weights."""
    model = Model(SpeciesEmbed(config), Core(config.core), ResponseHead(config), domain="biodiversity", config=config)
    for part in model.modules():
        if isinstance(part, nn.Linear):
            nn.init.trunc_normal_(part.weight, std=part.in_features**-0.5)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
    for part in model.modules():
        if isinstance(part, TimeNorm):
            part.reset_parameters()
    nn.init.trunc_normal_(model.head.get_submodule("functions").weight, std=0.2 * config.width**-0.5)
    return model
