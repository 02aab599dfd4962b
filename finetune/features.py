"""Samples with notes: what a teacher makes of them (so that none is there in training), their task, or a signal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from humboldt.foundations import ConfigError, Dataset, Tokens

NOTES = ("features", "prior", "task", "signal")


@dataclass(frozen=True)
class FeaturedBatch:
    """A batch with notes for every sample; all else is the batch's own.

    Attributes:
        batch: of the science.
        features: a vector of a teacher's.
        prior: what a teacher predicts, like the model's own prediction.
        task: the number of its task.
        signal: what is known beside the state (stations, the last error); NaN where nothing is.
    """

    batch: Any
    features: Float[Tensor, "b q"] | None = None
    prior: Float[Tensor, "b ..."] | None = None
    task: Integer[Tensor, " b"] | None = None
    signal: Float[Tensor, "b s"] | None = None

    def __len__(self) -> int:
        return len(self.batch)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "batch":
            raise AttributeError(name)
        return getattr(self.batch, name)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> FeaturedBatch:
        """On another device."""
        notes = {name: value for name in NOTES if (value := getattr(self, name)) is not None}
        moved = {k: v.to(device, dtype if v.is_floating_point() else None) for k, v in notes.items()}
        return FeaturedBatch(self.batch.to(device, dtype), **moved)


class Featured:
    """A dataset whose batches carry notes, each with one row a sample, in the order of `data`.

    Args:
        data: what is trained on.
        features, prior, task, signal: see `FeaturedBatch`.

    Raises:
        ConfigError: another number of rows than samples, or no notes.
    """

    def __init__(
        self,
        data: Dataset,
        features: Float[Tensor, "n q"] | None = None,
        *,
        prior: Float[Tensor, "n ..."] | None = None,
        task: Integer[Tensor, " n"] | None = None,
        signal: Float[Tensor, "n s"] | None = None,
    ) -> None:
        given = {"features": features, "prior": prior, "task": task, "signal": signal}
        self.data, self.notes = data, {name: rows for name, rows in given.items() if rows is not None}
        if not self.notes:
            raise ConfigError(f"samples are given notes, got none of {', '.join(NOTES)}; give one of them")
        for name, rows in self.notes.items():
            if len(rows) != len(data):
                raise ConfigError(
                    f"there is a row of {name} for every sample, got {len(rows)} for {len(data)}; compute them on "
                    "the part that is trained on, after take"
                )

    def __len__(self) -> int:
        return len(self.data)

    def batch(self, indices: Sequence[int]) -> FeaturedBatch:
        """Samples with their notes."""
        chosen = list(indices)
        return FeaturedBatch(self.data.batch(indices), **{name: rows[chosen] for name, rows in self.notes.items()})

    def split(self, name: str) -> Dataset:
        """Refused: notes belong to the samples of one part.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(f"notes belong to samples of one part, got split({name!r}); split first, then add them")

    def take(self, count: int) -> Dataset:
        """Refused, as a split is.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(f"notes belong to samples of one part, got take({count}); take first, then add them")

    def describe(self) -> Mapping[str, Any]:
        """What the data say, and the shape of every note."""
        return {
            **dict(self.data.describe()),
            "notes": {name: list(rows.shape[1:]) for name, rows in self.notes.items()},
        }


def mean_tokens(tokens: Tokens, batch: Any) -> Float[Tensor, "b d"]:
    """The mean token of each sample of a batch, over all of its rows where it has several (species of a region).

    What fills up a sequence (`batch.real` is False there) does not count.
    """
    x, real = tokens.seen(), getattr(batch, "real", None)
    if real is not None:
        return (x * real[..., None]).sum(1) / real.sum(1, keepdim=True)
    return x.flatten(1, -2).mean(1).unflatten(0, (len(batch), -1)).mean(1)


@torch.no_grad()
def features_of(
    teacher: Callable[[Any], Float[Tensor, "b *q"]], data: Dataset, batch_size: int = 8
) -> Float[Tensor, "n *q"]:
    """What a teacher makes of every sample, in order."""
    rows = [teacher(data.batch(range(i, min(i + batch_size, len(data))))) for i in range(0, len(data), batch_size)]
    return torch.cat(rows)


def values_of(prediction: Any) -> Tensor:
    """The numbers of a prediction of any science: the first of its floating tensors."""
    return next(v for v in vars(prediction).values() if isinstance(v, Tensor) and v.is_floating_point())
