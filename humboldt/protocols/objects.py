"""Attribution by coherent object: a storm, a front, a patch of forest is there or is not, as a whole.

Single points are masked into states that never occur. Here connected regions are taken out, one at a time, and replaced
by what is expected there; what the answer loses is the object's effect.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import ndimage
from torch import Tensor

from .explanation import Question
from .states import ProtocolError, states, with_states


def find_objects(
    field: Float[np.ndarray, "*space"],
    *,
    threshold: float = 1.0,
    smallest: int = 4,
    periodic: Sequence[bool] = (),
) -> Int[np.ndarray, "*space"]:
    """Connected places where a field is further from its mean than so many deviations: 1, 2, ... by size, 0 elsewhere.

    Args:
        field: of one channel.
        threshold: in deviations of the field; high and low are different objects.
        smallest: places that an object has at least.
        periodic: axes over whose ends objects go on.

    Raises:
        ProtocolError: nothing stands out.
    """
    anomaly = np.nan_to_num(field - np.nanmean(field))
    level = threshold * anomaly.std()
    labels = np.zeros(field.shape, int)
    for sign in (1, -1):
        found, _ = ndimage.label(sign * anomaly > level)
        for axis, closed in enumerate(periodic):
            if closed:
                _join(found, axis)
        labels = np.where(found > 0, found + labels.max(), labels)
    numbers, counts = np.unique(labels[labels > 0], return_counts=True)
    kept = [n for _, n in sorted(zip(-counts, numbers, strict=True)) if counts[numbers == n][0] >= smallest]
    if not kept:
        raise ProtocolError(
            f"an object stands out by {threshold:g} deviations over {smallest} places or more, got none; lower one"
        )
    return np.select([labels == n for n in kept], range(1, len(kept) + 1), 0)


@dataclass(frozen=True)
class ObjectEffects:
    """What the answer loses with each object, and with all of them at once.

    Attributes:
        effects: by object, in the order of their labels.
        total: of all at once; not their sum where objects act together.
    """

    effects: tuple[float, ...]
    total: float

    @property
    def interaction(self) -> float:
        """The share of the total that the sum of the effects leaves open; 0 for a model in which objects add up."""
        return (self.total - sum(self.effects)) / self.total if self.total else 0.0


@torch.no_grad()
def object_effects(
    model: Callable[[Any], Any],
    batch: Any,
    labels: Int[np.ndarray, "*space"],
    question: Question,
    *,
    climatology: Float[Tensor, "c *space"] | None = None,
) -> ObjectEffects:
    """Effects of objects on an answer about one sample.

    Args:
        model: whose answer is explained.
        batch: one sample of fields.
        labels: what `find_objects` gives.
        question: prediction to one number a sample.
        climatology: what is expected where an object was; the mean of the channel outside of all objects by default.

    Raises:
        ProtocolError: more than one sample.
    """
    fields = states(batch)
    if len(fields) != 1:
        raise ProtocolError(f"objects are those of one sample, got a batch of {len(fields)}; take batch([index])")
    places = torch.from_numpy(labels)
    if climatology is None:
        outside = torch.where(places == 0, fields[0], torch.nan)
        climatology = outside.nanmean([0, *range(2, outside.dim())]).view(-1, *(1,) * places.dim())

    def answer(gone: Tensor) -> float:
        filled = torch.where(gone & ~fields.isnan(), climatology.to(fields), fields)
        return float(question(model(with_states(batch, filled))))

    whole = answer(torch.zeros_like(places, dtype=torch.bool))
    each = tuple(whole - answer(places == number) for number in range(1, int(places.max()) + 1))
    return ObjectEffects(each, whole - answer(places > 0))


def _join(labels: np.ndarray, axis: int) -> None:
    """Give the objects that touch over the ends of an axis one label."""
    for place in np.ndindex(*np.take(labels, 0, axis).shape):
        a, b = np.take(labels, 0, axis)[place], np.take(labels, -1, axis)[place]
        if a and b and a != b:
            labels[labels == max(a, b)] = min(a, b)
