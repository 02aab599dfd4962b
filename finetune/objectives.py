"""Terms that methods add to a loss: what keeps things apart, and what spreads use evenly."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Integer
from torch import Tensor


def balance(gates: Float[Tensor, "n experts"]) -> Float[Tensor, ""]:
    """N sum_j f_j p_j, f the share of tokens whose first choice is j, p the mean gate: 1 when uniform, N collapsed.

    The load term of sparse mixtures of experts (Switch transformers, arXiv 2101.03961).
    """
    count = gates.shape[-1]
    first = F.one_hot(gates.argmax(-1), count).to(gates.dtype).mean(0)
    return count * (first * gates.mean(0)).sum()


def variation(use: Float[Tensor, "n experts"]) -> Float[Tensor, ""]:
    """The squared coefficient of variation of the summed use of experts: 0 when uniform (arXiv 1701.06538).

    Of one sample, whose use says nothing about the others', it is 0.
    """
    if len(use) < 2 or use.shape[1] < 2:
        return 0.0 * use.sum()
    total = use.sum(0)
    return total.var(unbiased=False) / total.mean().square().clamp_min(1e-12)


def contrast(features: Float[Tensor, "n d"], owner: Integer[Tensor, " n"], temperature: float) -> Float[Tensor, ""]:
    """InfoNCE among features of length one: those with the same owner are drawn together, others apart.

    -log of the share of exp(cosine / T) that falls to the same owner, itself left out; rows without another of their
    owner do not count. Blind to the length of features and to rotations of all of them (arXiv 2004.11362).
    """
    unit = F.normalize(features, dim=-1, eps=1e-6)
    itself = torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    logits = (unit @ unit.mT / temperature).masked_fill(itself, -torch.inf)
    same = (owner[:, None] == owner[None]) & ~itself
    return _mean_share(logits, same)


def prototype_contrast(
    features: Float[Tensor, "n d"], prototypes: Float[Tensor, "p d"], owner: Integer[Tensor, " n"], temperature: float
) -> Float[Tensor, ""]:
    """-log of the share of exp(z p_t / T) that falls to a sample's own prototype (PHA, arXiv 2310.11670).

    The published term leaves the own prototype out of the sum and so has no lower bound; here it is in it.
    """
    logits = F.normalize(features, dim=-1, eps=1e-6) @ F.normalize(prototypes, dim=-1, eps=1e-6).mT / temperature
    return F.cross_entropy(logits, owner)


def _mean_share(logits: Float[Tensor, "n n"], same: Bool[Tensor, "n n"]) -> Float[Tensor, ""]:
    counts = same.any(-1)
    if len(logits) < 2 or not bool(counts.any()):
        return logits.new_zeros(())
    rows, mine = logits[counts], same[counts]
    return (rows.logsumexp(-1) - rows.masked_fill(~mine, -torch.inf).logsumexp(-1)).mean()
