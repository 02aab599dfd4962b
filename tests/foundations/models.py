"""The smallest model, for the tests of what is done with any model."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from humboldt.foundations import Core, CoreConfig, Embed, Head, Model, ScaleConfig, Tokens


class Line(Embed[Any]):
    """Tokens from pairs of numbers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width, 2))

    def forward(self, batch: Any) -> Tokens:
        return Tokens(batch @ self.weight.mT)


class Sum(Head[Any, Any]):
    """One number per token."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.line = nn.Linear(width, 1)

    def forward(self, tokens: Tokens, batch: Any) -> Any:
        return self.line(tokens.x)

    def loss(self, prediction: Any, batch: Any) -> Tensor:
        return prediction.square().mean()


def small(width: int = 4) -> Model:
    """A few weights in each of the three parts."""
    core = CoreConfig(axes=1, scales=(ScaleConfig(width=width, down=()),), final_norm=True)
    return Model(Line(width), Core(core), Sum(width), domain="test", config=core, provenance={"seed": 1})
