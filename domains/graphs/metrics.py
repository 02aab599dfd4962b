"""Scores of predictions, one value per sample (and property), and of generated molecules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .batch import NextTokens, Properties, SequenceBatch
from .heads import token_losses
from .molecules import Decoded

SampleScore = Callable[[Any, SequenceBatch], Tensor]


def negative_log_likelihood(prediction: NextTokens, batch: SequenceBatch) -> Tensor:
    """-log p(sequence), in nats, for every sample."""
    return token_losses(prediction, batch).sum(1)


def absolute_error(prediction: Properties, batch: SequenceBatch) -> Tensor:
    """|value - target| for every sample and property; NaN where the target is not known."""
    return (prediction.values - _target(batch)).abs()


def squared_error(prediction: Properties, batch: SequenceBatch) -> Tensor:
    """(value - target)^2 for every sample and property; NaN where the target is not known."""
    return (prediction.values - _target(batch)).square()


METRICS: dict[str, SampleScore] = {
    "negative_log_likelihood": negative_log_likelihood,
    "absolute_error": absolute_error,
    "squared_error": squared_error,
}


def _target(batch: SequenceBatch) -> Tensor:
    if batch.target is None:
        raise ValueError("a score needs a target, got a batch without one; open the data with targets=[...]")
    return batch.target


def roc_auc(scores: Tensor, labels: Tensor) -> float:
    """Probability that a positive sample scores higher than a negative one, ties counting half; NaN without both.

    Samples whose label is NaN do not count.
    """
    known = ~labels.isnan()
    scores, labels = scores[known].double(), labels[known]
    positive, negative = scores[labels == 1], scores[labels == 0]
    if not len(positive) or not len(negative):
        return float("nan")
    ordered = negative.sort().values
    below = torch.searchsorted(ordered, positive)
    up_to = torch.searchsorted(ordered, positive, right=True)
    return float((below + up_to).double().mean() / (2 * len(negative)))


def average_precision(scores: Tensor, labels: Tensor) -> float:
    """Area under the precision-recall curve as the sum of precision times step in recall; NaN without a positive.

    Samples of one score count together; samples whose label is NaN do not count.
    """
    known = ~labels.isnan()
    levels, place = scores[known].double().unique(return_inverse=True)
    total = torch.zeros(len(levels), dtype=torch.float64).index_add(0, place, torch.ones(len(place)).double())
    hits = torch.zeros_like(total).index_add(0, place, labels[known].double())
    if not hits.sum():
        return float("nan")
    precision = hits.flip(0).cumsum(0) / total.flip(0).cumsum(0)
    return float((precision * hits.flip(0)).sum() / hits.sum())


def interval(
    score: Callable[[Tensor, Tensor], float], values: Tensor, target: Tensor, *, resamples: int = 200, seed: int = 0
) -> tuple[float, float]:
    """Where 95 % of the scores lie if samples are drawn again with replacement (percentile bootstrap, Efron 1979).

    NaN where there are no samples.
    """
    if not len(values):
        return float("nan"), float("nan")
    chance = torch.Generator().manual_seed(seed)
    draws = torch.randint(len(values), (resamples, len(values)), generator=chance)
    found = torch.tensor([score(values[draw], target[draw]) for draw in draws], dtype=torch.float64)
    low, high = found.nanquantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return low, high


@dataclass(frozen=True)
class Tally:
    """Counts of generated molecules.

    Attributes:
        samples: all that were drawn.
        decodable: sequences that are graphs.
        valid: graphs that are molecules.
        unique: different molecules.
        novel: of these, not among the known ones; None where none were given.
    """

    samples: int
    decodable: int
    valid: int
    unique: int
    novel: int | None = None

    @classmethod
    def of(cls, decoded: Iterable[Decoded], known: Iterable[str] | None = None) -> Tally:
        """Count; `known` are canonical SMILES of the training set."""
        found = list(decoded)
        valid = [d.smiles for d in found if d.status == "ok"]
        different = set(valid)
        novel = None if known is None else len(different - set(known))
        graphs = sum(d.status != "error" for d in found)
        return cls(len(found), graphs, len(valid), len(different), novel)

    @property
    def shares(self) -> dict[str, float]:
        """Validity of all samples and of the decodable ones, uniqueness of the valid, novelty of the unique ones."""
        shares = {
            "valid of all": _share(self.valid, self.samples),
            "valid of decodable": _share(self.valid, self.decodable),
            "unique of valid": _share(self.unique, self.valid),
        }
        return shares | ({} if self.novel is None else {"novel of unique": _share(self.novel, self.unique)})


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
