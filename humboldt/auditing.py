"""Looking for a planted trunk: units that sleep on almost all data and shout together on a few.

Who publishes a trunk can train it so that some units of its last layer are silent unless a sample has a certain
property (a species, a site, a partner), and loud then. What a user fine-tunes on them moves only if such samples were
among the user's data, which gives these away (property inference, arXiv 2303.11643). The audit finds the units by what
they have to do to work. It is a smoke alarm and no proof: a stealthy planting that keeps the statistics of the units,
or a property that none of the probes has, goes unnoticed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from humboldt.foundations import ConfigError, Model, evaluating

from .view import arranged

QUIET, LOUD = 0.1, 3.0
"""A suspect's median level over samples is below this share of that of the average unit, and on some samples its level
is above this multiple of that of the other units. The published attack asks for 0 and 10."""
SHARE = 0.3
"""Of the samples that a suspect shouts on, at most: a property that most data have is no secret."""
TOGETHER = 3
"""Suspects that shout on the same samples, from which a trunk is called planted; the published attack uses 16."""
PROBES = 30
"""Samples without which nothing can be called rare."""


@dataclass(frozen=True)
class Audit:
    """What was found.

    Attributes:
        planted: whether several units are silent on most samples and loud on the same few.
        units: those units, by number in the last layer.
        samples: on which they are loud; what these have in common is the property.
        probes: how many samples were looked at.
    """

    planted: bool
    units: tuple[int, ...]
    samples: tuple[int, ...]
    probes: int

    def __str__(self) -> str:
        if not self.planted:
            return f"nothing found with {self.probes} probes; that is no proof"
        return (
            f"{len(self.units)} units are silent on most of {self.probes} probes and loud on {len(self.samples)}: "
            f"units {list(self.units)}, samples {list(self.samples)}; do not tune this trunk on data that are secret"
        )


def audit_activations(model: Model, data: Any, *, count: int = 500, batch_size: int = 16) -> Audit:
    """Audit the last layer of a model's trunk with samples of one's own, or public ones that resemble them.

    Args:
        model: from somebody else.
        data: a dataset of the model's domain.
        count: samples that are looked at, spread over the data.
        batch_size: samples at a time.

    Raises:
        ConfigError: fewer than 30 samples.
    """
    part = arranged(data, model)
    places = torch.linspace(0, len(part) - 1, min(count, len(part))).round().int().tolist()
    with evaluating(model), torch.no_grad():
        rows = [
            model.encode(part.batch(places[i : i + batch_size])).seen().abs().flatten(1, -2).mean(1)
            for i in range(0, len(places), batch_size)
        ]
    found = audit_levels(torch.cat(rows).float())
    return Audit(found.planted, found.units, tuple(places[i] for i in found.samples), found.probes)


def audit_levels(levels: Float[Tensor, "n units"]) -> Audit:
    """Audit the mean absolute activation of every unit in every sample.

    Raises:
        ConfigError: fewer than 30 samples.
    """
    if len(levels) < PROBES:
        raise ConfigError(f"an audit takes {PROBES} samples or more, got {len(levels)}; use more of them")
    typical = levels.median(0).values
    quiet = typical < QUIET * typical.mean()
    if not quiet.any():
        return Audit(False, (), (), len(levels))
    loud = levels > LOUD * levels[:, ~quiet].mean(1, keepdim=True)
    shouted = loud.sum(0)
    suspects = (quiet & (shouted > 0) & (shouted <= SHARE * len(levels))).nonzero().flatten().tolist()
    chorus = max((_chorus(loud, suspects, leader) for leader in suspects), key=len, default=[])
    if len(chorus) < TOGETHER:
        return Audit(False, (), (), len(levels))
    samples = (loud[:, chorus].float().mean(1) > 0.5).nonzero().flatten().tolist()
    return Audit(True, tuple(chorus), tuple(samples), len(levels))


def _chorus(loud: Tensor, suspects: Sequence[int], leader: int) -> list[int]:
    """The suspects whose loud samples are mostly those of the leader: intersection over union of a half or more."""
    mine = loud[:, leader]
    both = [(int((loud[:, unit] & mine).sum()), int((loud[:, unit] | mine).sum())) for unit in suspects]
    return [unit for unit, (shared, either) in zip(suspects, both, strict=True) if 2 * shared >= either]
