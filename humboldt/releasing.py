"""What to do to a tuned model before others get it, when its data are secret: three options and what each one costs.

Weights that were tuned on secret data may tell whether a species, a site or a partner was among them (membership and
property inference; arXiv 2303.11643 for trunks that were made to). None of the options is a proof of privacy: each
takes away a part of the trace, and the page "Security" says which part and at which price.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from humboldt.foundations import ConfigError, Model

from .adapting import finetune
from .pretrained import random_twin
from .view import View, arranged


def with_fresh_head(model: Model, *, seed: int = 0) -> Model:
    """The model with new weights in its head; statistics of the data are kept. Who gets it tunes a head of their own.

    Args:
        model: tuned, merged or not.
        seed: of the new weights.
    """
    made = copy.deepcopy(model)
    made.head = random_twin(model, seed).head
    made.provenance = {**model.provenance, "release": {"head": "fresh", "seed": seed}}
    return made


def with_noise(model: Model, base: Model, share: float | int, *, seed: int = 0) -> Model:
    """Noise on what tuning changed: every weight that differs from the base, by `share` of the root mean square of
    what its tensor changed by.

    Args:
        model: tuned and merged.
        base: what it was tuned from, with the same tensors (`fitted` to the same data).
        share: 0 changes nothing, 1 drowns the change.
        seed: of the noise; whoever knows it can take the noise off again, so it is not written down.

    Raises:
        ConfigError: another architecture, or a share below zero.
    """
    if share < 0:
        raise ConfigError(f"noise is a share of what changed, 0 or more, got {share}; 0.1 is a start")
    mine, old = dict(model.named_parameters()), dict(base.named_parameters())
    if odd := [name for name in mine if name not in old or mine[name].shape != old[name].shape]:
        raise ConfigError(
            f"noise goes on what a base does not have, and the base has no {odd[0]} of this shape; merge the adapter, "
            "and give the base as it was fitted to the data"
        )
    made, generator = copy.deepcopy(model), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            change = parameter - old[name].to(parameter)
            size = share * change.square().mean().sqrt()
            parameter.add_(size * torch.randn(parameter.shape, generator=generator).to(parameter))
    made.provenance = {**model.provenance, "release": {"noise": share}}
    return made


class Answered(View):
    """A dataset whose targets are a teacher's predictions: what it knows of these inputs, and nothing of other data.

    Args:
        data: inputs that may be seen by all.
        teacher: the tuned model; predicts in the channels of the data.
    """

    def __init__(self, data: Any, teacher: Model) -> None:
        super().__init__(data)
        self.teacher = teacher.eval()

    def batch(self, indices: Sequence[int]) -> Any:
        """The batch with the teacher's prediction as its target."""
        batch = self.viewed.batch(indices)
        with torch.no_grad():
            return replace(batch, target=self.teacher(batch).fields)


class Teaching(View):
    """Data of which every part is answered by a teacher."""

    def __init__(self, data: Any, teacher: Model) -> None:
        super().__init__(data)
        self.teacher = teacher

    def batch(self, indices: Sequence[int]) -> Any:
        """Not asked for: parts are."""
        return self.viewed.batch(indices)

    def split(self, name: str) -> Answered:
        """A part in the teacher's order of channels, with the teacher's answers."""
        return Answered(arranged(self.viewed.split(name), self.teacher), self.teacher)


def redistilled(model: Model, base: Model | str, public: Any, *, seed: int = 0, **recipe: Any) -> Model:
    """A student that has never seen the secret data: the base, trained on the tuned model's answers to public inputs.

    Args:
        model: tuned on the secret data; it need not be published.
        base: where the student starts.
        public: a dataset of fields with the same channels and a training part.
        seed, recipe: as in `finetune`.
    """
    student = finetune(base, Teaching(public, model), seed=seed, progress=False, **recipe)
    student.provenance = {**student.provenance, "release": {"redistilled": True}}
    return student
