"""Answers corrected by what a model got wrong on samples like it: a cache of keys and values, and no training.

After caches of embedded examples with soft labels (compositional caching, ComCa), for predictions of any kind: what is
kept of an example is its residual, whose average stands in the place of the published sum of labels.
"""

from __future__ import annotations

import copy
import dataclasses
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from humboldt.foundations import ConfigError, Dataset, Head, Model, Tokens

from .features import mean_tokens


class CacheHead(Head[Any, Any]):
    """y + alpha sum_i w_i (target_i - y_i),  w = softmax(-beta (1 - cosine of the mean tokens)), over what is kept.

    Args:
        head: of the model.
        keys: mean tokens of the examples.
        values: what the model was short of on each.
        alpha: share of the correction; 0 is the model as it was, bit for bit.
        beta: how much nearer examples count more; very large is the nearest alone.
    """

    of_examples: ClassVar[bool] = True  # no configuration builds it: a checkpoint refuses it
    keys: Tensor
    values: Tensor
    middle: Tensor

    def __init__(
        self,
        head: Head[Any, Any],
        keys: Float[Tensor, "n d"],
        values: Float[Tensor, "n ..."],
        alpha: float,
        beta: float,
    ) -> None:
        super().__init__()
        self.head, self.alpha, self.beta = head, alpha, beta
        self.register_buffer("middle", keys.mean(0))
        self.register_buffer("keys", F.normalize(keys - keys.mean(0), dim=1))
        self.register_buffer("values", values)

    def forward(self, tokens: Tokens, batch: Any) -> Any:
        """The head's prediction, corrected."""
        found = self.head(tokens, batch)
        if self.alpha == 0:
            return found
        query = F.normalize(mean_tokens(tokens, batch) - self.middle, dim=1)
        share = (self.beta * (query @ self.keys.mT - 1)).softmax(1)
        name = first_of(found)
        change = torch.einsum("bn,n...->b...", share.to(self.values.dtype), self.values)
        return dataclasses.replace(found, **{name: getattr(found, name) + self.alpha * change})

    def loss(self, prediction: Any, batch: Any) -> Tensor:
        """The head's."""
        return self.head.loss(prediction, batch)


@torch.no_grad()
def with_cache(
    model: Model, part: Dataset, *, alpha: float | int = 1.0, beta: float | int = 10.0, batch_size: int = 8
) -> Model:
    """A copy of a model that remembers examples: forward passes alone are needed, and nothing is trained.

    It lives in memory: a checkpoint does not hold the examples, and is refused.

    Args:
        model: of any science whose targets look like its predictions.
        part: the examples, with targets (choose alpha and beta on others).
        alpha, beta: see `CacheHead`.
        batch_size: examples at a time.

    Raises:
        ConfigError: no example, targets of another shape than predictions, or alpha or beta below zero.
    """
    if alpha < 0 or beta < 0 or not len(part):
        raise ConfigError(f"a cache has examples, alpha and beta of 0 or more, got {len(part)}, {alpha} and {beta}")
    model = copy.deepcopy(model).eval()
    keys, values = [], []
    for first in range(0, len(part), batch_size):
        batch = part.batch(range(first, min(first + batch_size, len(part))))
        tokens = model.encode(batch)
        found, target = model.head(tokens, batch), getattr(batch, "target", None)
        answer = getattr(found, first_of(found))
        if not isinstance(target, Tensor) or target.shape != answer.shape:
            got = tuple(target.shape) if isinstance(target, Tensor) else "none"
            raise ConfigError(
                f"a cache keeps what predictions of shape {tuple(answer.shape)} were short of, got targets of {got}; "
                "take a model whose targets look like its predictions"
            )
        keys.append(mean_tokens(tokens, batch))
        values.append((target - answer).nan_to_num(nan=0.0))
    return model.with_head(CacheHead(model.head, torch.cat(keys), torch.cat(values), alpha, beta))


def first_of(prediction: Any) -> str:
    """Name of the numbers of a prediction: the first of its floating tensors."""
    return next(n for n, v in vars(prediction).items() if isinstance(v, Tensor) and v.is_floating_point())
