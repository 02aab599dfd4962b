"""Full training of some weights only: those that are not zero, or those whose gradients matter now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from humboldt.foundations import ConfigError, Model

from ..method import Method, train_only
from ..recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class SparseMask(Method):
    """Train everything but weights that are exactly zero, which stay so: a pruned model stays pruned.

    A matrix of zeros alone was not pruned but not trained yet (a conditioned norm), and is trained.
    """

    name: ClassVar[str] = "sparse"
    trains: ClassVar[str] = "weights that are not zero"
    source: ClassVar[str] = "arXiv 2111.13445"

    def prepare(self, model: Model) -> Model:
        """Nothing is frozen as a whole."""
        train_only(model, lambda name, parameter: True)
        return model

    def parameter_groups(self, model: Model, recipe: Recipe) -> list[dict[str, Any]]:
        """As in full training.

        Raises:
            ConfigError: with Muon, whose steps are dense whatever the gradient is.
        """
        if recipe.optimiser == "muon":
            raise ConfigError("zeros survive AdamW alone, got optimiser='muon'; choose adamw")
        return super().parameter_groups(model, recipe)

    @torch.no_grad()
    def on_gradients(self, model: Model, step: int, length: int) -> None:
        """No gradient where a weight is zero; then neither momentum nor decay move it."""
        for p in model.parameters():
            if p.grad is not None and p.dim() > 1 and bool((p != 0).any()):
                p.grad.mul_(p != 0)


@dataclass(frozen=True, kw_only=True)
class FisherMask(Method):
    """Train the core's weights where |gradient|, normalised a tensor and times a random factor, is among the largest.

    Attributes:
        share: of the weights of every matrix that a step may move.
        noise: the random factor is uniform in (1 - noise, 1 + noise).
    """

    name: ClassVar[str] = "fisher"
    trains: ClassVar[str] = "weights whose gradients matter, step by step"
    source: ClassVar[str] = "WeatherPEFT (stochastic Fisher selection)"
    share: float = 0.1
    noise: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1 or not 0 <= self.noise < 1:
            raise ConfigError(f"share is in (0, 1] and noise in [0, 1), got {self.share} and {self.noise}")

    def prepare(self, model: Model) -> Model:
        """Nothing is frozen as a whole."""
        train_only(model, lambda name, parameter: True)
        return model

    @torch.no_grad()
    def on_gradients(self, model: Model, step: int, length: int) -> None:
        """Gradients of the rest are zero in this step (AdamW's momentum still moves them a little)."""
        for matrix in matrices(model):
            if matrix.grad is None:
                continue
            chance = 1 + self.noise * (2 * torch.rand_like(matrix) - 1)
            score = (matrix.grad.abs() * chance).flatten()
            count = max(1, round(self.share * score.numel()))
            matrix.grad.mul_((score >= score.topk(count).values[-1]).view_as(matrix))


def matrices(model: Model) -> list[nn.Parameter]:
    """The core's weights of two axes and more."""
    return [p for p in model.core.parameters() if p.requires_grad and p.dim() > 1]


def sparsity(model: nn.Module) -> dict[str, float]:
    """Share of zeros in every weight of two axes and more, by name."""
    return {name: float((p == 0).float().mean()) for name, p in model.named_parameters() if p.dim() > 1}
