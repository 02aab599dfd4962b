"""From a large model to a small one: the student is told more where it agrees least with the teacher (LlamaDuo).

Train, compare on inputs that are held back, let the teacher label inputs like those that failed, and train again (arXiv
2408.13467, for fields instead of words).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from humboldt.foundations import ConfigError, Dataset, Model, bare

from .features import Featured, features_of, mean_tokens, values_of
from .fit import fit
from .method import Method
from .methods import PriorDistillation
from .recipe import Recipe

Teacher = Callable[[Any], Float[Tensor, "b ..."]]
ANSWERS = ("target", "known", "later", "answer", "climate")
"""What of a batch is no input."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """When student and teacher agree well enough.

    The distance of two predictions is ||s - t|| over the root of the mean over samples of ||t - mean t||^2: 1 is
    knowing the teacher's mean alone.

    Attributes:
        similarity: least mean over samples of 1 - distance, each no less than 0.
        within: least share of samples with a distance up to `tolerance`.

    Raises:
        ConfigError: shares outside of (0, 1], a tolerance that is not positive.
    """

    similarity: float = 0.9
    within: float = 0.9
    tolerance: float = 0.1

    def __post_init__(self) -> None:
        if not (0 < self.similarity <= 1 and 0 < self.within <= 1 and self.tolerance > 0):
            raise ConfigError(
                f"gates are shares in (0, 1] and a positive tolerance, got similarity={self.similarity}, "
                f"within={self.within}, tolerance={self.tolerance}; such as 0.9, 0.9 and 0.1"
            )


@dataclass(frozen=True)
class Round:
    """How far they agreed after a round: what the teacher had labelled by then, and the two measures of `Gate`."""

    labelled: int
    similarity: float
    within: float


@dataclass(frozen=True)
class Migration:
    """A student and how it came about.

    Attributes:
        student: after the last round.
        rounds: one after the other.
        chosen: numbers of the samples of the pool that the teacher labelled, in order.
        stopped: `agreed` (both gates are passed), `budget` (no label is left), or `pool` (no input is left).
    """

    student: Model
    rounds: tuple[Round, ...]
    chosen: tuple[int, ...]
    stopped: Literal["agreed", "budget", "pool"]


def migrate(
    teacher: Teacher,
    student: Model,
    pool: Dataset,
    held: Dataset,
    *,
    budget: int,
    each: int = 16,
    gate: Gate | None = None,
    recipe: Recipe | None = None,
    method: Method | None = None,
    targeted: bool = True,
    seed: int = 0,
) -> Migration:
    """Train a student towards a teacher, round by round, until they agree, or labels or inputs end.

    The first labels go to inputs drawn at random. After that the held inputs that fail are gone through from the worst
    one on, and the input of the pool that is nearest (by the student's mean tokens) to each is labelled next.
    Every round goes on from the last student, on all that has been labelled.

    Args:
        teacher: a batch to the values it predicts, shaped as the student's (`lambda batch: values_of(model(batch))`); a
            simulator as well.
        student: where to start; left as it is.
        pool: inputs, arranged for the student; they need no targets.
        held: other inputs, on which they are compared; labelled once, beside the budget, never trained on.
        budget: inputs of the pool that the teacher labels at most.
        each: how many a round.
        gate: when to stop.
        recipe: of every round.
        method: what is trained; towards the teacher's values and slopes alone by default.
        targeted: False labels inputs at random instead: the control.
        seed: of the first labels and of the control.

    Raises:
        ConfigError: numbers that are not positive, or an input that is both held and in the pool.
    """
    if not 1 <= each <= budget or not len(held):
        raise ConfigError(
            f"a round labels one input or more, and no more than the budget, and some are held, got each={each}, "
            f"budget={budget} and {len(held)} held"
        )
    require_apart(pool, held)
    gate, way = gate or Gate(), method or PriorDistillation(own=0.0, contrast=0.0)
    order = [int(place) for place in np.random.default_rng(seed).permutation(len(pool))]
    truth, rounds = features_of(teacher, held), list[Round]()
    chosen, labels = order[:each], list[Tensor]()
    while True:
        labels.append(features_of(teacher, Some(pool, chosen[sum(map(len, labels)) :])))
        lesson = Featured(Some(pool, chosen), prior=torch.cat(labels))
        student = fit(student, lesson, None, recipe, way, progress=False)
        off = distances(student, held, truth)
        near, within = (1 - off).clamp_min(0).mean(), (off <= gate.tolerance).double().mean()
        rounds.append(Round(len(chosen), float(near), float(within)))
        left = [place for place in order if place not in set(chosen)]
        count = min(each, budget - len(chosen), len(left))
        if rounds[-1].similarity >= gate.similarity and rounds[-1].within >= gate.within:
            return Migration(student, tuple(rounds), tuple(chosen), "agreed")
        if count == 0:
            return Migration(student, tuple(rounds), tuple(chosen), "pool" if not left else "budget")
        failed = [int(place) for place in off.argsort(descending=True) if off[place] > gate.tolerance]
        worst = Some(held, failed or [int(off.argmax())])
        chosen += alike(student, Some(pool, left), worst, count) if targeted else left[:count]


@torch.no_grad()
def distances(student: Model, held: Dataset, truth: Float[Tensor, "n ..."]) -> Float[Tensor, " n"]:
    """||s - t|| of every sample over the root of the mean of ||t - mean t||^2."""
    student.eval()
    found = features_of(lambda batch: values_of(student(batch)), held)
    spread = (truth - truth.mean(0)).flatten(1).square().sum(1).mean().sqrt().clamp_min(1e-12)
    return (found - truth.to(found)).flatten(1).norm(dim=1) / spread


def alike(student: Model, left: Some, failed: Dataset, count: int) -> list[int]:
    """Numbers in the pool of the inputs that are left and nearest to those that failed, one for each in turn."""
    there, here = tokens_of(student, left), tokens_of(student, failed)
    spread = torch.cat([there, here]).std(0).clamp_min(1e-12)
    nearest = torch.cdist(here / spread, there / spread).argsort(1).tolist()
    taken: dict[int, None] = {}
    while len(taken) < count:
        for row in nearest[: count - len(taken)]:
            taken[next(place for place in row if place not in taken)] = None
    return [left.places[place] for place in taken]


def tokens_of(student: Model, data: Dataset) -> Float[Tensor, "n d"]:
    """The student's mean token of every sample."""
    return features_of(lambda batch: mean_tokens(student.encode(batch), batch), data)


def require_apart(pool: Dataset, held: Dataset) -> None:
    """Refuse an input that is held and in the pool.

    Raises:
        ConfigError: says how many there are.
    """
    shared = inputs(pool) & inputs(held)
    if shared:
        raise ConfigError(
            f"held inputs are never trained on, got {len(shared)} in the pool too; take them out of one of both"
        )


def inputs(data: Dataset) -> set[str]:
    """Hashes of all inputs of a dataset; what they are answered with does not count."""
    found = set()
    for place in range(len(data)):
        batch = bare(data.batch([place]))
        said = {name: value for name, value in vars(batch).items() if isinstance(value, Tensor) and name not in ANSWERS}
        digest = hashlib.sha256()
        for name in sorted(said):
            digest.update(name.encode() + said[name].contiguous().numpy().tobytes())
        found.add(digest.hexdigest())
    return found


class Some:
    """Some samples of a dataset, by number.

    Args:
        data: all of them.
        places: which, in order.
    """

    def __init__(self, data: Dataset, places: Sequence[int]) -> None:
        self.data, self.places = data, list(places)

    def __len__(self) -> int:
        return len(self.places)

    def batch(self, indices: Sequence[int]) -> Any:
        """These of the samples."""
        return self.data.batch([self.places[index] for index in indices])

    def split(self, name: str) -> Dataset:
        """Refused: samples that were chosen are of one part.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(f"chosen samples are of one part, got split({name!r}); split first, then choose")

    def take(self, count: int) -> Dataset:
        """The first of them."""
        return Some(self.data, self.places[:count])

    def describe(self) -> Mapping[str, Any]:
        """What the data say, and which samples."""
        return {**dict(self.data.describe()), "chosen": self.places}
