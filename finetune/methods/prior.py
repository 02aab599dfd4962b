"""A student of an expensive prior, which is there in training alone (after SAGE's bi-level distillation)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from humboldt.foundations import ConfigError, Model, bare

from ..features import values_of
from ..method import Kind, Method, train_only
from ..objectives import contrast


@dataclass(frozen=True, kw_only=True)
class PriorDistillation(Method):
    """Full training towards the target and towards what a prior predicted: its values, its slopes, its differences.

    Batches carry what the prior made of every sample (`Featured(data, prior=features_of(...))`), computed once, so the
    prior itself is in no step, in no file and in no forecast. The published weights are those of one task; here all
    terms are relative to the variance of the prior.

    Attributes:
        own: weight of the model's own loss; 0 needs no target.
        match: weight of the squared distance to the prior.
        slopes: weight of that of the differences between neighbours, along every axis behind the second.
        contrast: weight of the term that draws a prediction to its own sample's prior and from those of others.
        temperature: of that term.
    """

    name: ClassVar[str] = "prior"
    kind: ClassVar[Kind] = "objective"
    source: ClassVar[str] = "SAGE (segment-anything prior distilled into a fusion network)"
    own: float = 1.0
    match: float = 1.0
    slopes: float = 1.0
    contrast: float = 0.01
    temperature: float = 0.1

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ConfigError(f"a temperature is positive, got temperature={self.temperature}; the default is 0.1")

    def prepare(self, model: Model) -> Model:
        """Nothing is frozen."""
        train_only(model, lambda name, parameter: True)
        return model

    def loss(self, model: Model, batch: Any) -> dict[str, Tensor]:
        """The model's loss and the distances to the prior.

        Raises:
            ConfigError: a batch without a prior, or one of another shape than the prediction.
        """
        prediction = model(batch)
        found, prior = values_of(prediction), getattr(batch, "prior", None)
        if prior is None or prior.shape != found.shape:
            got = "none" if prior is None else f"one of {tuple(prior.shape)}"
            raise ConfigError(
                f"prior reads what a teacher predicted from every batch, of shape {tuple(found.shape)}, got {got}; "
                "train on Featured(data, prior=features_of(...))"
            )
        near, steep = distances(found, prior.to(found.dtype))
        owner = torch.arange(len(found), device=found.device).repeat(2)
        both = torch.cat([found, prior.to(found.dtype)]).flatten(1)
        return {
            **({"loss": self.own * model.head.loss(prediction, bare(batch))} if self.own else {}),
            **model.context.losses,
            "match": self.match * near,
            "slopes": self.slopes * steep,
            "contrast": self.contrast * contrast(both - both.mean(0), owner, self.temperature),
        }


def distances(found: Float[Tensor, "b *n"], prior: Float[Tensor, "b *n"]) -> tuple[Tensor, Tensor]:
    """Mean squared distance of values and of slopes, over the prior's variance and the mean square of its slopes."""
    near = (found - prior).square().mean() / prior.var(unbiased=False).clamp_min(1e-12)
    parts = [
        (found.diff(dim=axis) - prior.diff(dim=axis)).square().mean()
        / prior.diff(dim=axis).square().mean().clamp_min(1e-12)
        for axis in range(2, found.dim()) if found.shape[axis] > 1
    ]  # fmt: skip
    return near, torch.stack(parts).mean() if parts else near.new_zeros(())
