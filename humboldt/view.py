"""A dataset that is seen through something: the same samples and parts, other batches."""

from __future__ import annotations

import copy
import functools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from humboldt.finetune import FeaturedBatch
from humboldt.foundations import Model

from .registry import domain

DERIVED = ("split", "take", "choose", "arranged", "frames")
"""What makes another dataset of one: the view goes along."""


class View(ABC):
    """A dataset of any science whose batches are changed on the way; all else is the dataset's own.

    Args:
        data: what is looked at.
    """

    def __init__(self, data: Any) -> None:
        self.viewed = data

    @abstractmethod
    def batch(self, indices: Sequence[int]) -> Any:
        """The changed batch of these samples."""

    def of(self, data: Any) -> View:
        """The same view of other data."""
        other = copy.copy(self)
        other.viewed = data
        return other

    def __len__(self) -> int:
        return len(self.viewed)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "viewed":
            raise AttributeError(name)
        value = getattr(self.viewed, name)
        if name not in DERIVED:
            return value

        @functools.wraps(value)
        def derived(*args: Any, **choices: Any) -> View:
            return self.of(value(*args, **choices))

        return derived


def arranged(data: Any, model: Model) -> Any:
    """A part as a model takes it, seen through what it was seen through."""
    if isinstance(data, View):
        return data.of(arranged(data.viewed, model))
    return domain(model.domain).arranged(data, model)


@runtime_checkable
class Choice(Protocol):
    """Units of a training part: an episode, a list of what is worth training on."""

    def of(self, train: Any) -> Any:
        """The part of a training part that is learned from."""
        ...


class Chosen:
    """A dataset whose training part is a choice of its units; the other parts are as they were.

    Args:
        data: the whole dataset.
        choice: what is learned from.
    """

    def __init__(self, data: Any, choice: Choice) -> None:
        self.viewed, self.choice = data, choice

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "viewed":
            raise AttributeError(name)
        return getattr(self.viewed, name)

    def __len__(self) -> int:
        return len(self.viewed)

    def split(self, name: str) -> Any:
        """A part; the training part is the choice."""
        part = self.viewed.split(name)
        return self.choice.of(part) if name == "train" else part


class Taught(View):
    """Samples with the mean token that a teacher makes of each; computed once a sample, the teacher is not trained.

    Args:
        data: what is learned from.
        teacher: a model of these data.
    """

    def __init__(self, data: Any, teacher: Model) -> None:
        super().__init__(data)
        self.teacher = teacher.eval()
        self.kept: dict[int, Any] = {}

    def of(self, data: Any) -> View:
        """Other data are other samples: nothing is kept of the old ones."""
        return Taught(data, self.teacher)

    def batch(self, indices: Sequence[int]) -> FeaturedBatch:
        """Samples and features (b, width)."""
        import torch

        from .protocols.frozen import pooled

        batch = self.viewed.batch(indices)
        missing = [place for place, index in enumerate(indices) if int(index) not in self.kept]
        if missing:
            rows = pooled(self.teacher, batch)
            self.kept.update((int(indices[place]), rows[place]) for place in missing)
        return FeaturedBatch(batch, torch.stack([self.kept[int(index)] for index in indices]))
