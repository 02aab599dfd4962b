"""Few-shot episodes: which units are learned from, fixed by a seed and told apart by a hash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..results import digest, fingerprint
from .states import ProtocolError

SIZES = (4, 16, 100)
"""How many units an episode has in the protocol (as VideoEval counts shots, arXiv 2407.06491)."""


@dataclass(frozen=True)
class Episode:
    """Some independent units (trajectories, states, molecules) of the training part.

    Attributes:
        size, number, seed: it is the episode `number` of `size` units of this seed.
        units: which, in the order in which they were drawn.
        hash: of the data and of all above; equal hashes mean equal training data.
    """

    size: int
    number: int
    seed: int
    units: tuple[int, ...]
    hash: str

    def of(self, train: Any) -> Any:
        """The part of a training part that is learned from."""
        return train.choose(self.units)


def episodes(
    train: Any, *, sizes: Sequence[int] = SIZES, count: int = 3, seed: int = 0, skip: bool = False
) -> list[Episode]:
    """`count` episodes of every size; a smaller one of the same number is a beginning of the larger.

    Args:
        train: a training part that can `choose` among its `units`.
        sizes: units in an episode.
        count: how many of each size.
        seed: of the draw.
        skip: leave out sizes that the part does not have, instead of refusing them.

    Raises:
        ProtocolError: more units than there are, or data that cannot choose.
    """
    if not hasattr(train, "choose"):
        raise ProtocolError(
            f"episodes choose among independent units, which {type(train).__name__} cannot; give it `units` and "
            "choose(units)"
        )
    if not skip and (large := [size for size in sizes if not 1 <= size <= train.units]):
        raise ProtocolError(f"the training part has {train.units} units, got a wish for {large}; ask for fewer")
    about, found = fingerprint(train), []
    for size in sizes:
        for number in range(count) if size <= train.units else ():
            order = np.random.default_rng([seed, number]).permutation(train.units)[:size]
            units = tuple(int(unit) for unit in order)
            label = digest([about, size, number, seed, units])[:16]
            found.append(Episode(size, number, seed, units, label))
    return found
