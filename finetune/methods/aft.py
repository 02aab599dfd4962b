"""Features are matched through their kernels (adaptive feature transfer, arXiv 2406.07337)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import ConfigError, Model

from ..features import FeaturedBatch, mean_tokens
from ..method import Kind, Method, train_only
from ..rates import parameter_groups
from ..recipe import Recipe

EPSILON = 1e-8


class Scales(nn.Module):
    """sigmoid(s): how much of every feature of the teacher counts; one half at the start."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.s = nn.Parameter(torch.zeros(width))


def kernel_distance(student: Float[Tensor, "n m"], teacher: Float[Tensor, "n q"]) -> Float[Tensor, ""]:
    """sqrt(mean (K - K')^2 + 1e-8) of the cosines K, K' between centred samples; blind to rotation and scale."""
    kernels = []
    for features in (student, teacher):
        unit = F.normalize(features - features.mean(0), dim=1, eps=1e-6)
        kernels.append(unit @ unit.mT)
    return ((kernels[0] - kernels[1]).square().mean() + EPSILON).sqrt()


@dataclass(frozen=True, kw_only=True)
class AFT(Method):
    """Full training, with the cosines between samples drawn to those of a teacher, as far as it helps.

    The teacher is not there: batches carry its features (`humboldt.finetune.features.Featured`). The student's features
    are its mean token of every sample.

    Published: weight 10 (to be tuned), scales at 1e-2, batches of 128.

    Attributes:
        width: number of the teacher's features.
        weight: of the distance of the kernels.
        rate: of the scales.
    """

    name: ClassVar[str] = "aft"
    trains: ClassVar[str] = "everything and the scales of features"
    kind: ClassVar[Kind] = "objective"
    source: ClassVar[str] = "arXiv 2406.07337"
    width: int = 8
    weight: float = 1.0
    rate: float = 1e-2

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ConfigError(f"a teacher has a feature at least, got width={self.width}; give how many it has")

    def prepare(self, model: Model) -> Model:
        """Nothing is frozen; the scales are a part of the model until it is merged."""
        model.add_module("adaptation", Scales(self.width))
        train_only(model, lambda name, parameter: True)
        return model

    def parameter_groups(self, model: Model, recipe: Recipe) -> list[dict[str, Any]]:
        """The scales at their own rate without decay, the rest as the recipe says."""
        scales = list(model.get_submodule("adaptation").parameters())
        groups = [
            {**group, "params": [p for p in group["params"] if all(p is not s for s in scales)]}
            for group in parameter_groups(model, recipe)
        ]
        mine = {"name": "scales", "params": scales, "lr": self.rate, "weight_decay": 0.0}
        return [group for group in (mine, *groups) if group["params"]]

    def loss(self, model: Model, batch: Any) -> dict[str, Tensor]:
        """The model's loss and the distance of the kernels.

        Raises:
            ConfigError: a batch without features, or with another number of them.
        """
        features = getattr(batch, "features", None)
        if not isinstance(batch, FeaturedBatch) or features is None or features.shape[1] != self.width:
            got = "none" if features is None else f"{features.shape[1]} of them"
            raise ConfigError(
                f"aft reads {self.width} features of a teacher from every batch, got {got}; train on Featured(data, "
                "features) and give width"
            )
        tokens = model.encode(batch)
        loss = model.head.loss(model.head(tokens, batch.batch), batch.batch)
        scales = model.get_parameter("adaptation.s")
        student = mean_tokens(tokens, batch)
        distance = kernel_distance(student, features.to(student.dtype) * torch.sigmoid(scales))
        return {"loss": loss, **model.context.losses, "kernels": self.weight * distance}

    def merge(self, model: Model) -> Model:
        """Without the scales."""
        del model.adaptation
        return model.requires_grad_(True)
