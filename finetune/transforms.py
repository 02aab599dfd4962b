"""What makes new weights of old ones, without data: differences between models as adapters."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from humboldt.foundations import ConfigError, Model


def readapt(
    base: Model, domain: Model, sibling: Model, *, of_domain: float = 0.5, of_sibling: float = 0.5, kept: float = 1.0
) -> Model:
    """W = W_base + a (W_domain - W_base) + b (W_sibling - W_base): a task from elsewhere on a new domain.

    The sibling was tuned from the same base for a task (a stable rollout, say), the domain model to new data; their
    differences add up without any training (RE-Adapt, arXiv 2405.15007). Differences are taken in double precision.

    Args:
        base: where both started.
        domain: tuned to new data.
        sibling: tuned to the task.
        of_domain: a.
        of_sibling: b.
        kept: keep only the largest singular values of the sibling's difference that explain this share of its
            squares, matrix by matrix (LoRE-Adapt).

    Raises:
        ConfigError: models of other shapes, or a share outside of (0, 1].
    """
    if not 0 < kept <= 1:
        raise ConfigError(f"the share of a difference that is kept is in (0, 1], got {kept}")
    first, others = base.state_dict(), (domain.state_dict(), sibling.state_dict())
    for other in others:
        wrong = [
            k
            for k in first.keys() | other.keys()
            if k not in first or k not in other or first[k].shape != other[k].shape
        ]
        if wrong:
            raise ConfigError(
                f"models that are combined have the same tensors, got others at {sorted(wrong)[:3]}; all three must "
                "have one base and one head"
            )
    made = copy.deepcopy(domain)
    parameters = {name for name, _ in base.named_parameters()}
    state = {}
    for key, value in first.items():
        if key not in parameters or not value.is_floating_point():
            state[key] = others[0][key]  # statistics and integers are those of the new domain
            continue
        start, to_domain, to_sibling = value.double(), others[0][key].double(), others[1][key].double()
        task = truncated(to_sibling - start, kept)
        state[key] = (start + of_domain * (to_domain - start) + of_sibling * task).to(value.dtype)
    made.load_state_dict(state)
    return made


def truncated(difference: Tensor, kept: float) -> Tensor:
    """The fewest largest singular values whose squares sum to at least the share `kept`; other tensors as they are."""
    if kept == 1 or difference.dim() < 2:
        return difference
    u, s, v = torch.linalg.svd(difference.flatten(1), full_matrices=False)
    explained = s.square().cumsum(0) / s.square().sum().clamp_min(1e-300)
    rank = min(len(s), int((explained < kept).sum()) + 1)
    return ((u[:, :rank] * s[:rank]) @ v[:rank]).view_as(difference)
