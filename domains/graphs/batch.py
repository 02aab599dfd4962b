"""The frozen value that flows through a model of graphs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class SequenceBatch:
    """Sequences of tokens, filled up on the right.

    Attributes:
        ids: token numbers.
        real: False where a row is filled up.
        goals: properties that generation is told, in their own units, NaN where not given; None if there are none.
        target: properties to be predicted, in their own units, NaN where not known.
    """

    ids: Int[Tensor, "b n"]
    real: Bool[Tensor, "b n"]
    goals: Float[Tensor, "b g"] | None = None
    target: Float[Tensor, "b p"] | None = None

    def __post_init__(self) -> None:
        for name in ("real", "goals", "target"):
            value = getattr(self, name)
            if value is not None and len(value) != len(self.ids):
                raise ValueError(f"{name} has a row per sequence, got {len(value)} for {len(self.ids)} sequences")

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of(
        cls,
        sequences: Sequence[Sequence[int]],
        pad: int,
        goals: Float[Tensor, "b g"] | None = None,
        target: Float[Tensor, "b p"] | None = None,
    ) -> SequenceBatch:
        """Sequences of any lengths, filled up with `pad` to the longest."""
        lengths = torch.tensor([len(ids) for ids in sequences])
        real = torch.arange(int(lengths.max()))[None] < lengths[:, None]
        ids = torch.full(real.shape, pad, dtype=torch.long)
        ids[real] = torch.tensor([token for sequence in sequences for token in sequence])
        return cls(ids, real, goals, target)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> SequenceBatch:
        """On another device; floating tensors in another type if given."""

        def move(value: Tensor | None) -> Tensor | None:
            if value is None:
                return None
            return value.to(device, dtype if value.is_floating_point() else None, non_blocking=True)

        return SequenceBatch(**{f.name: move(getattr(self, f.name)) for f in dataclasses.fields(self)})  # type: ignore[arg-type]

    @property
    def last(self) -> Int[Tensor, " b"]:
        """Place of the last real token of every sequence."""
        return self.real.sum(1) - 1


@dataclass(frozen=True)
class NextTokens:
    """What may come next after every token, as logits over the rows of the embedding."""

    logits: Float[Tensor, "b n rows"]

    def __len__(self) -> int:
        return len(self.logits)


@dataclass(frozen=True)
class Properties:
    """Predicted properties in their own units; of a class, its probability."""

    values: Float[Tensor, "b p"]

    def __len__(self) -> int:
        return len(self.values)
