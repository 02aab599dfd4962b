"""In which order samples are seen: known from a seed for every batch, resumable, shared out without overlap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import DataError
from .loader import Samples, read_ahead, work_ahead


def block_shuffle(groups: np.ndarray, seed: int | list[int], together: int = 8) -> np.ndarray:
    """All samples once, so that those of a group (a chunk) come close together and its chunk need be read only once.

    Groups are shuffled; the samples of `together` neighbouring groups are shuffled among themselves. With one sample a
    group this is a global shuffle.

    groups: the group of each sample, [n].
    """
    random = np.random.default_rng(seed)
    _, group = np.unique(groups, return_inverse=True)
    window = random.permutation(int(group.max()) + 1)[group] // max(together, 1) if len(group) else group
    single = len(group) and int(group.max()) + 1 == len(group)
    return random.permutation(len(group)) if single else np.lexsort((random.random(len(group)), window))


@dataclass(frozen=True, kw_only=True, eq=False)
class Order:
    """Batches of sample numbers for one pass after another, as one sequence that every process can compute.

    Batch b of share s of n is batch b n + s of the sequence: ranks, and workers within a rank, never meet the same one.
    A pass gives every share equally many batches; what is left over of it is not seen in that pass.

    Attributes:
        samples: how many there are.
        batch_size: samples a batch.
        seed: of the shuffles; None keeps the order.
        groups: the chunk of each sample, for a block shuffle; None shuffles all of them.
        together: chunks whose samples are mixed.
        share, shares: which part of the batches this is.
    """

    samples: int
    batch_size: int
    seed: int | None = 0
    groups: np.ndarray | None = None
    together: int = 8
    share: int = 0
    shares: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.share < self.shares:
            raise DataError(f"shares are numbered 0 to {self.shares - 1}, got {self.share}")
        if self.batch_size < 1 or len(self) < 1:
            raise DataError(
                f"a pass holds a batch for each of {self.shares} shares, got {self.samples} samples in batches of "
                f"{self.batch_size}; make batches smaller"
            )

    def split(self, share: int, shares: int) -> Order:
        """One of the parts of this order: for a rank, and again for a worker of it."""
        return replace(self, share=self.share + self.shares * share, shares=self.shares * shares)

    def __len__(self) -> int:
        """Batches of this share in a pass."""
        return self.samples // self.batch_size // self.shares

    def batch(self, number: int) -> np.ndarray:
        """The sample numbers of this share's batch `number`, counted over all passes."""
        epoch, place = divmod(number, len(self))
        start = (place * self.shares + self.share) * self.batch_size
        return self.epoch(epoch)[start : start + self.batch_size]

    def epoch(self, number: int) -> np.ndarray:
        """The samples of a pass, in order, for all shares together."""
        return _epoch(self, number)

    def __hash__(self) -> int:
        return id(self)


@lru_cache(maxsize=4)
def _epoch(order: Order, number: int) -> np.ndarray:
    if order.seed is None:
        return np.arange(order.samples)
    groups = np.arange(order.samples) if order.groups is None else order.groups
    return block_shuffle(groups, [order.seed, 1, 0, number], order.together)


class Sampler:
    """Walks through an order, and knows how far it got: batches `start` to `stop` of this share, over all passes.

    Args:
        order: of the batches.
        passes: through the data.
    """

    def __init__(self, order: Order, passes: int = 1) -> None:
        self.order, self.passes, self.position = order, passes, 0

    def __len__(self) -> int:
        return self.passes * len(self.order)

    def __iter__(self) -> Iterator[np.ndarray]:
        while self.position < len(self):
            batch = self.order.batch(self.position)
            self.position += 1  # what was handed out counts as seen
            yield batch

    def read(self, source: Samples, *, workers: int = 0, **choices: Any) -> Iterator[np.ndarray]:
        """The batches themselves, read ahead; only what was handed out counts as seen.

        workers: processes that read; 0 for threads of this one. choices: see `read_ahead` and `work_ahead`.
        """
        batches = map(self.order.batch, range(self.position, len(self)))
        ahead = work_ahead(source, batches, workers=workers, **choices) if workers else None
        for values in ahead or read_ahead(source, batches, **choices):
            self.position += 1
            yield values

    def state_dict(self) -> dict[str, int]:
        """Number of batches that were handed out, and what it counts in."""
        return {"position": self.position, "batch_size": self.order.batch_size, "shares": self.order.shares}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from there.

        Raises:
            DataError: another size of batches or number of shares.
        """
        mine = self.state_dict()
        for word in ("batch_size", "shares"):
            if state[word] != mine[word]:
                raise DataError(f"an order is resumed with the same {word}, got {mine[word]} after {state[word]}")
        self.position = int(state["position"])
