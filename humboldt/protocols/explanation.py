"""Checks of an explanation: does it change when the model does?

An attribution that stays as it was when the weights are replaced by noise explains the input, not the model (parameter
randomisation, arXiv 1810.03292). Every change of a model, of its weights, its seed or its recipe, is a treatment with
an effect on the prediction and one on the attribution; the two should go together.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from scipy.stats import spearmanr
from torch import Tensor

from humboldt.foundations import Model

from .states import ProtocolError, states, with_states

Question = Callable[[Any], Float[Tensor, " b"]]
"""What of a prediction is to be explained: one number a sample."""

PARTS = ("head", "core", "embed")
ALIKE = 0.5
"""Rank correlation from which an attribution of a randomised model counts as unchanged."""


def gradients(model: Callable[[Any], Any], batch: Any, question: Question) -> Float[Tensor, "b t c *space"]:
    """|s dq/dx| of every value of the input, with s the deviation of its channel: what a change of usual size would do.

    The slope times the value itself would follow the input whatever the model is.

    Args:
        model: whose answer is explained.
        batch: of fields; what is missing has no attribution.
        question: prediction to one number a sample.
    """
    fields = states(batch).detach().clone().requires_grad_(True)
    answer = question(model(with_states(batch, fields)))
    (slope,) = torch.autograd.grad(answer.sum(), fields)
    across, x = list(range(3, fields.dim())), fields.detach()
    deviation = (x - x.nanmean(across, keepdim=True)).square().nanmean(across, keepdim=True).sqrt()
    return (deviation * slope).abs().nan_to_num(nan=0.0)


@dataclass(frozen=True)
class Effect:
    """What a treatment did.

    Attributes:
        treatment: its name.
        prediction: relative L2 difference of the answers.
        attribution: 1 - rank correlation of the attributions.
    """

    treatment: str
    prediction: float
    attribution: float


def randomised(model: Model, seed: int = 0) -> Iterator[tuple[str, Model]]:
    """The model with its head made anew, then head and core, then all of it: normal weights as large as they were."""
    made, generator = copy.deepcopy(model), torch.Generator().manual_seed(seed)
    for part in PARTS:
        with torch.no_grad():
            for parameter in getattr(made, part).parameters():
                spread = parameter.std() if parameter.numel() > 1 else parameter.abs().mean()
                noise = torch.randn(parameter.shape, generator=generator) * spread.nan_to_num()
                parameter.copy_(parameter.mean() + noise.to(parameter))
        yield " + ".join(PARTS[: PARTS.index(part) + 1]), copy.deepcopy(made)


def effects(
    model: Model,
    treated: Mapping[str, Model],
    batch: Any,
    question: Question,
    attribute: Callable[[Any, Any, Question], Tensor] = gradients,
) -> list[Effect]:
    """Effects of treatments (other weights, seeds, recipes) on answer and attribution.

    Args:
        model: the one that is explained.
        treated: others by name, such as `dict(randomised(model))`, or the same recipe from other seeds.
        batch: of fields, two samples or more.
        question: what is explained.
        attribute: (model, batch, question) to attributions of the shape of the states.
    """
    with torch.no_grad():
        answer = question(model(batch))
    known = ~states(batch).isnan()  # a channel that is not there has no attribution, whatever the model
    here, found = attribute(model, batch, question)[known].numpy(), []
    for name, other in treated.items():
        with torch.no_grad():
            changed = question(other(batch))
        difference = float((changed - answer).norm() / answer.norm().clamp_min(1e-12))
        alike = spearmanr(here, attribute(other, batch, question)[known].numpy()).statistic
        found.append(Effect(name, difference, 1 - float(alike if alike == alike else 0.0)))
    return found


def is_sane(found: list[Effect]) -> bool:
    """Whether the attribution of the model that was made anew as a whole has lost its resemblance.

    Raises:
        ProtocolError: no effects.
    """
    if not found:
        raise ProtocolError("a check needs the effects of randomisation, got none; give dict(randomised(model))")
    return found[-1].attribution > 1 - ALIKE


def agreement(found: list[Effect]) -> float:
    """Rank correlation over treatments of the effect on the answer with that on the attribution; near 1 is good.

    Raises:
        ProtocolError: fewer than three treatments.
    """
    if len(found) < 3:
        raise ProtocolError(f"a correlation of effects takes three treatments or more, got {len(found)}; add seeds")
    statistic = spearmanr([e.prediction for e in found], [e.attribution for e in found]).statistic
    return float(statistic)
