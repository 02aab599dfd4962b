"""Samples that were encoded once: a head is trained without its frozen trunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from humboldt.foundations import ConfigError, Model, Tokens, evaluating

from .view import View

PER_SAMPLE = ("x", "condition", "mask", "context")


@dataclass(frozen=True)
class EncodedBatch:
    """A batch, and what the core made of it; all else is the batch's own."""

    batch: Any
    tokens: Tokens

    def __len__(self) -> int:
        return len(self.batch)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "batch":
            raise AttributeError(name)
        return getattr(self.batch, name)

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> EncodedBatch:
        """On another device; floating tensors in another type if given."""

        def move(value: Any) -> Any:
            return value.to(device, dtype if value.is_floating_point() else None, non_blocking=True)

        found = {name: getattr(self.tokens, name) for name in PER_SAMPLE}
        moved = {name: move(value) for name, value in found.items() if value is not None}
        return EncodedBatch(self.batch.to(device, dtype), replace(self.tokens, **moved))


class Encoded(View):
    """A dataset whose batches carry the tokens that a frozen trunk makes of them, each sample encoded once.

    The tokens of all samples are kept in memory. The trunk runs in evaluation mode.

    Args:
        data: arranged for the model; samples come the same every time.
        model: whose embedding and core stay as they are.

    Raises:
        ConfigError: samples of something else than fields, that are drawn or turned anew each time, or whose token
            grids differ.
    """

    def __init__(self, data: Any, model: Model) -> None:
        super().__init__(data)
        self.model = model
        self.kept: dict[int, Tokens] = {}
        first, again = (data.batch([0]) for _ in range(2))
        if not hasattr(first, "fields"):
            raise ConfigError(
                f"tokens are kept of samples of fields, which have a row of tokens each, got {type(first).__name__}; "
                "leave out cached=True"
            )
        if getattr(data, "augmented", False) or not _same(first, again):
            raise ConfigError(
                "tokens are kept of samples that come the same every time, got data that are drawn or turned anew; "
                "leave out cached=True, or the augmentation"
            )

    def of(self, data: Any) -> View:
        """Other data are other samples: nothing is kept of the old ones."""
        return Encoded(data, self.model)

    def batch(self, indices: Sequence[int]) -> EncodedBatch:
        """Samples with their tokens."""
        batch, wanted = self.viewed.batch(indices), [int(index) for index in indices]
        if missing := [place for place, index in enumerate(wanted) if index not in self.kept]:
            with evaluating(self.model), torch.no_grad():
                tokens = self.model.encode(batch)
            self.kept.update((wanted[place], _one(tokens, place)) for place in missing)
        return EncodedBatch(batch, _together([self.kept[index] for index in wanted]))


def _one(tokens: Tokens, place: int) -> Tokens:
    found = {name: getattr(tokens, name) for name in PER_SAMPLE}
    return replace(tokens, **{k: v[place : place + 1].clone() for k, v in found.items() if v is not None})


def _together(tokens: Sequence[Tokens]) -> Tokens:
    if len({one.x.shape for one in tokens}) > 1:
        raise ConfigError("tokens are kept of samples that have one grid, got several; leave out cached=True")
    first = tokens[0]
    names = [name for name in PER_SAMPLE if getattr(first, name) is not None]
    joined: dict[str, Any] = {name: torch.cat([getattr(one, name) for one in tokens]) for name in names}
    return replace(first, **joined)


def _same(first: Any, again: Any) -> bool:
    fields = (batch.fields.nan_to_num() for batch in (first, again))
    return bool(torch.equal(*fields)) and _masks(first) == _masks(again)


def _masks(batch: Any) -> str:
    """What of a batch is hidden, as text."""
    return repr([getattr(batch, name, None) for name in ("mask", "hidden")])
