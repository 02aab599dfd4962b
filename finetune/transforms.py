"""What makes new weights of old ones, without data: differences as adapters, fewer blocks, more blocks."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import ConfigError, Model

Strategy = Literal["top", "bottom", "even", "odd", "symmetric", "contribution"]


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


def dropped(
    stack: nn.ModuleList, count: int, strategy: Strategy, scores: Float[Tensor, " blocks"] | None = None
) -> list[int]:
    """Which blocks of one stack to drop (arXiv 2004.03844).

    `top` the last, `bottom` the first, `even` and `odd` every second from the end, `symmetric` around the middle, and
    `contribution` those with the highest `scores`, the mean cosine between what goes in and what comes out.

    Raises:
        ConfigError: more than there are, or scores that are needed and not given.
    """
    blocks = len(stack)
    if not 0 <= count < blocks:
        raise ConfigError(f"a stack keeps a block at least, got {count} to drop of {blocks}; drop fewer")
    if strategy == "contribution":
        if scores is None:
            raise ConfigError("contribution is measured on data, got no scores; give the mean cosine of every block")
        return sorted(scores.topk(count).indices.tolist())
    middle = (blocks - count) // 2
    order = {
        "top": list(range(blocks - 1, -1, -1)),
        "bottom": list(range(blocks)),
        "even": [*range(blocks - 2, -1, -2), *range(blocks - 1, -1, -2)],
        "odd": [*range(blocks - 1, -1, -2), *range(blocks - 2, -1, -2)],
        "symmetric": list(range(middle, middle + count)),
    }[strategy]
    return sorted(order[:count])


def without_blocks(stack: nn.ModuleList, which: Iterable[int]) -> nn.ModuleList:
    """The stack without these blocks (the rest shared, in order)."""
    gone = set(which)
    return nn.ModuleList(block for index, block in enumerate(stack) if index not in gone)


def expanded(first: Mapping[str, Tensor], last: Mapping[str, Tensor], depth: int) -> list[dict[str, Tensor]]:
    """Weights of `depth` blocks on the line between two (learngene): w_l = w_1 + l / (L - 1) (w_L - w_1).

    Raises:
        ConfigError: fewer than two blocks, or two blocks with other tensors.
    """
    if depth < 2 or first.keys() != last.keys():
        raise ConfigError(
            f"a line has two ends with the same tensors, got depth {depth} and {len(first)}, {len(last)} tensors"
        )
    return [{k: torch.lerp(first[k], last[k], index / (depth - 1)) for k in first} for index in range(depth)]
