"""Low-rank corrections of linear maps, one a step of a rollout (LoRA, arXiv 2106.09685; VeRA, arXiv 2310.11454)."""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import Core

from .config import AdapterConfig


class Step:
    """The step of a rollout, shared by the embedding, which is told it, and the adapters, which ask for it."""

    def __init__(self) -> None:
        self.number = 0


class LoRA(nn.Module):
    """(alpha / r) B A x; B starts at zero."""

    def __init__(self, inputs: int, outputs: int, config: AdapterConfig) -> None:
        super().__init__()
        self.scale = config.alpha / config.rank
        self.a, self.b = nn.Parameter(torch.empty(config.rank, inputs)), nn.Parameter(torch.zeros(outputs, config.rank))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))

    def forward(self, x: Float[Tensor, "*b i"]) -> Float[Tensor, "*b o"]:
        """The correction."""
        return self.scale * (x @ self.a.mT @ self.b.mT)


class VeRA(nn.Module):
    """d * B (b * A x), with A and B random, fixed, and kept in the checkpoint."""

    a: Tensor
    b: Tensor

    def __init__(self, inputs: int, outputs: int, config: AdapterConfig) -> None:
        super().__init__()
        for name, shape in (("a", (config.rank, inputs)), ("b", (outputs, config.rank))):
            matrix = torch.empty(shape)
            nn.init.kaiming_uniform_(matrix, a=math.sqrt(5))
            self.register_buffer(name, matrix)
        self.lambda_b = nn.Parameter(torch.ones(config.rank))
        self.lambda_d = nn.Parameter(torch.full((outputs,), config.initial))

    def forward(self, x: Float[Tensor, "*b i"]) -> Float[Tensor, "*b o"]:
        """The correction."""
        return ((x @ self.a.mT) * self.lambda_b) @ self.b.mT * self.lambda_d


class StepAdapter(nn.Module):
    """A linear map plus the correction of the present step; later steps than there are corrections have none.

    Args:
        base: the map.
        config: kind, rank and number of corrections.
        step: which step it is.
    """

    def __init__(self, base: nn.Linear, config: AdapterConfig, step: Step) -> None:
        super().__init__()
        self.base, self.config, self.step = base, config, step
        kind = {"lora": LoRA, "vera": VeRA}[config.kind]
        count = 1 if config.shared else config.steps
        self.corrections = nn.ModuleList(kind(base.in_features, base.out_features, config) for _ in range(count))

    def forward(self, x: Float[Tensor, "*b i"]) -> Float[Tensor, "*b o"]:
        """Apply to the last axis."""
        step = self.step.number
        out = self.base(x)
        if step >= self.config.steps:
            return out
        return out + self.corrections[0 if self.config.shared else step](x)


def adapt(core: Core, config: AdapterConfig, step: Step) -> None:
    """Wrap the attention's linear maps of every block, in place."""
    scales: Any = core.scales
    for scale in scales:
        for block in (*scale.down, *scale.up):
            block.attention.qkv = StepAdapter(block.attention.qkv, config, step)
            block.attention.out = StepAdapter(block.attention.out, config, step)
