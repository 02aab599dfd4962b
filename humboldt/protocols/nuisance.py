"""Fine-tuning that does not mind how data were prepared: a new configuration every batch, scores in others.

What should not matter (where the grid begins, how coarse the input is, which channel is absent, whose statistics scaled
it) is drawn anew for every batch; a model is judged on configurations that it has not seen. After prompt-agnostic
fine-tuning (arXiv 2502.12859), for fields.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from humboldt.foundations import Model

from ..measuring import measure
from ..results import Result, digest, provenance
from ..view import View
from .states import ProtocolError, present, states, with_states


@dataclass(frozen=True)
class Nuisance:
    """One way in which data may have been prepared.

    Attributes:
        phase: by which share of each periodic axis the grid begins later; state and target move together.
        block: points along each axis over which the input was averaged.
        gap: which of the channels that are there is absent from the input, counted round; None for none.
        scale: factor of the input's deviations from its mean: it was scaled by other statistics.
    """

    phase: float = 0.0
    block: int = 1
    gap: int | None = None
    scale: float = 1.0

    def apply(self, batch: Any) -> Any:
        """The batch as it would have come."""
        fields, others = states(batch), {}
        if self.block > 1:
            flat = fields.flatten(0, 1)
            size = tuple(-(-n // self.block) for n in flat.shape[2:])
            small = F.interpolate(flat, size=size, mode="area")
            fields = F.interpolate(small, size=flat.shape[2:], mode="nearest").view(fields.shape)
        if self.scale != 1.0:
            across = list(range(3, fields.dim()))
            mean = fields.nanmean(across, keepdim=True)
            fields = mean + self.scale * (fields - mean)
        if self.gap is not None and len(here := present(fields[0])) > 1:
            fields = fields.index_fill(2, torch.tensor(here[self.gap % len(here)]), torch.nan)
        if self.phase:
            fields = self._moved(fields, batch)
            moving = (name for name in ("target", "known") if getattr(batch, name, None) is not None)
            others = {name: self._moved(getattr(batch, name), batch) for name in moving}
        return with_states(batch, fields, **others)

    def _moved(self, x: Tensor, batch: Any) -> Tensor:
        closed = tuple(getattr(batch, "periodic", ()))
        axes = [axis - len(closed) for axis, periodic in enumerate(closed) if periodic]
        axes = [axis for axis in axes if x.shape[axis] > 1]
        return x.roll([round(self.phase * x.shape[axis]) for axis in axes], axes) if axes else x


KINDS = {"phase": 16, "block": 3, "gap": 4, "scale": 5}
"""What may differ between configurations, and in how many ways."""


def nuisances(count: int, *, seed: int = 0, kinds: Sequence[str] = tuple(KINDS)) -> list[Nuisance]:
    """So many different configurations, drawn from a seed.

    What a configuration takes away and the rest of a state does not tell (white noise behind a gap, the size of a field
    in another scale) no training brings back: that part of the spread of errors stays.

    Args:
        count: how many; at most 500, and as many as there are.
        seed: of the draw.
        kinds: what differs, of `phase`, `block`, `gap`, `scale`; the rest is as it is.

    Raises:
        ProtocolError: another kind, or more than there are.
    """
    if not kinds or not set(kinds) <= KINDS.keys():
        raise ProtocolError(f"configurations differ in {', '.join(KINDS)}, got {list(kinds)}; choose among these")
    most = min(500, math.prod(KINDS[kind] for kind in set(kinds)))
    if not 1 <= count <= most:
        raise ProtocolError(
            f"configurations in {', '.join(kinds)} are counted from 1 to {most}, got {count}; ask for fewer"
        )
    generator, found = np.random.default_rng(seed), dict[Nuisance, None]()
    while len(found) < count:
        gap = int(generator.integers(6))
        drawn = Nuisance(
            phase=float(generator.integers(16)) / 16,
            block=int(generator.choice([1, 1, 2, 4])),
            gap=gap if gap < 3 else None,
            scale=float(generator.choice([0.8, 0.9, 1.0, 1.1, 1.25])),
        )
        found[Nuisance(**{kind: getattr(drawn, kind) for kind in kinds})] = None
    return list(found)


class Varied(View):
    """A dataset whose batches come each in one of several configurations, which one by the indices of its samples.

    Args:
        data: of fields.
        configurations: among which chance chooses.
        seed: of chance.
    """

    def __init__(self, data: Any, configurations: Sequence[Nuisance], seed: int = 0) -> None:
        super().__init__(data)
        if not configurations:
            raise ProtocolError("a batch comes in one of several configurations, got none; give Nuisance() for none")
        self.configurations, self.seed = tuple(configurations), seed

    def batch(self, indices: Sequence[int]) -> Any:
        """The batch in its configuration."""
        chance = zlib.crc32(np.asarray(indices, dtype=np.int64).tobytes(), self.seed)
        return self.configurations[chance % len(self.configurations)].apply(self.viewed.batch(indices))


@dataclass(frozen=True)
class Spread:
    """Errors over configurations: their mean and deviation, and the mean of the worst tenth (one at least)."""

    mean: float
    deviation: float
    worst: float

    @classmethod
    def of(cls, errors: Sequence[float]) -> Spread:
        """Of one error a configuration."""
        ordered = np.sort(np.asarray(errors, dtype=float))
        tail = ordered[-max(1, round(len(ordered) / 10)) :]
        return cls(float(ordered.mean()), float(ordered.std()), float(tail.mean()))


def nuisance_scores(
    train: Callable[[Any, bool], Model],
    data: Any,
    *,
    seen: int = 16,
    unseen: int = 16,
    kinds: Sequence[str] = tuple(KINDS),
    seed: int = 0,
    name: str = "model",
    method: str = "full",
    data_name: str = "data",
    lead_steps: Sequence[int] | None = None,
) -> Iterator[Result]:
    """Tune ordinarily and agnostically, each from pretrained and from random weights; score in unseen configurations.

    Args:
        train: (data, whether to start from random weights) to the tuned model.
        data: a dataset of fields with a training and a test part.
        seen, unseen: numbers of configurations to train on and to score in; none is both.
        kinds: what differs between them, see `nuisances`.
        seed: of the draw.
        name, method, data_name, lead_steps: as in the other protocols.
    """
    drawn = nuisances(seen + unseen, seed=seed, kinds=kinds)
    known, new = drawn[:seen], drawn[seen:]
    for random in (False, True):
        for agnostic in (False, True):
            lesson = TrainingVaried(data, known, seed) if agnostic else data
            model = train(lesson, random)
            scores = [measure(model, Varied(data.split("test"), [n]), lead_steps=lead_steps) for n in new]
            spread, origin = Spread.of([score.value for score in scores]), provenance(model, data, seed=seed)
            for word, value in asdict(spread).items():
                yield Result(
                    protocol="nuisance",
                    model=name,
                    method=f"{method}, {'agnostic' if agnostic else 'ordinary'}",
                    control=random,
                    data=data_name,
                    metric=f"{word} over unseen configurations of: {scores[0].metric}",
                    unit=scores[0].unit,
                    value=value,
                    settings={"seen": seen, "unseen": digest([asdict(n) for n in new])[:16]},
                    **origin,
                )


class TrainingVaried(Varied):
    """What is learned from and what chooses the best step vary; the test part is as it is."""

    def split(self, name: str) -> Any:
        """A part."""
        part = self.viewed.split(name)
        return part if name == "test" else Varied(part, self.configurations, self.seed)
