"""The field's own scores: relative errors per channel group, energy spectra, and persistence as the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor

from .batch import FieldBatch, FieldPrediction
from .config import Channel

SMALLEST = 1e-10


def relative_errors(
    prediction: Float[Tensor, "b c *space"],
    target: Float[Tensor, "b c *space"],
    groups: Sequence[Sequence[int]],
    order: int = 1,
    known: Bool[Tensor, "b #c *#space"] | None = None,
) -> Float[Tensor, "b groups"]:
    """One relative error per sample and channel group:  sum |p - t| / sum |t|,  or of squares, under the root.

    The sums run over the channels of the group and over space; a sum of 0 in the denominator counts as 1e-10
    (arXiv 2405.19101, section 8 of its supplement). Places where the target is `known` or missing (NaN) do not count; a
    group that has no other place is NaN. A prediction that is not finite where it counts has the error inf.

    Args:
        groups: channel indices of each group, such as the components of a velocity.
        order: 1 for absolute, 2 for squared differences.
    """
    counts = _counts(target, known)
    difference = torch.where(counts, prediction - target, 0).abs() ** order
    size = torch.where(counts, target, 0).abs() ** order
    errors = []
    for group in groups:
        above, below, number = (_total(x, group) for x in (difference, size, counts))
        ratio = above / torch.where(below == 0, SMALLEST, below)
        errors.append(torch.where(number > 0, torch.nan_to_num(ratio, nan=torch.inf, posinf=torch.inf), torch.nan))
    return torch.stack(errors, dim=1) ** (1 / order)


def energy_spectrum(
    fields: Float[Tensor, "b c *space"], groups: Sequence[Sequence[int]]
) -> Float[Tensor, "b groups wavenumbers"]:
    """Energy in shells of equal wavenumber: E(k) = 1/2 sum of |u_hat|^2 over k - 1/2 <= |kappa| < k + 1/2.

    Wavenumbers count periods along the longest axis; shells end at its Nyquist wavenumber. The transform takes every
    axis as periodic. The sum over all shells is half the mean square of a field without smaller scales.
    """
    axes = tuple(range(2, fields.dim()))
    energy = 0.5 * torch.fft.fftn(fields, dim=axes, norm="forward").abs().square()
    shell = _shells(tuple(fields.shape[2:])).to(fields.device).flatten()
    last = max(fields.shape[2:]) // 2
    per_group = torch.stack([energy[:, list(group)].sum(1).flatten(1) for group in groups], dim=1)
    spectrum = per_group.new_zeros(*per_group.shape[:2], int(shell.max()) + 1)
    return spectrum.index_add(2, shell, per_group)[..., : last + 1]


def spectral_errors(
    prediction: Float[Tensor, "b groups wavenumbers"], target: Float[Tensor, "b groups wavenumbers"]
) -> Float[Tensor, "b groups"]:
    """Mean over wavenumbers k >= 1 of |log10 E_p(k) - log10 E_t(k)|: 1 is a factor of ten.

    Energies below 1e-10 of the target's total, which single precision does not resolve, count as that much.
    """
    floor = SMALLEST * target.sum(-1, keepdim=True).clamp(min=SMALLEST)
    distance = torch.maximum(prediction, floor).log10() - torch.maximum(target, floor).log10()
    return distance[..., 1:].abs().mean(-1)


def persistence(batch: FieldBatch, inputs: Sequence[Channel], outputs: Sequence[Channel]) -> FieldPrediction:
    """The forecast that nothing changes; NaN in outputs that are not inputs."""
    names = [channel.name for channel in inputs]
    nothing = torch.full_like(batch.fields[:, 0], torch.nan)
    columns = [batch.fields[:, names.index(c.name)] if c.name in names else nothing for c in outputs]
    return FieldPrediction(torch.stack(columns, dim=1))


class RelativeError:
    """Relative error as a metric of the domain: (prediction, batch) -> one value per sample and group.

    Args:
        groups: channel indices of each group by name; each channel for itself by default.
        order: 1 or 2.
        normaliser: errors are taken of what it makes of both fields; physical units by default.
    """

    def __init__(
        self,
        groups: Mapping[str, Sequence[int]] | None = None,
        order: int = 1,
        normaliser: torch.nn.Module | None = None,
    ) -> None:
        self.groups, self.order, self.normaliser = groups, order, normaliser or torch.nn.Identity()

    def __call__(self, prediction: FieldPrediction, batch: FieldBatch) -> Tensor:
        """Shape (samples, groups)."""
        if batch.target is None:
            raise ValueError("a score needs a target, got a batch without one; open the data with targets")
        groups = [[c] for c in range(batch.target.shape[1])] if self.groups is None else list(self.groups.values())
        pair = self.normaliser(prediction.fields), self.normaliser(batch.target)
        return relative_errors(*pair, groups, self.order, batch.known)


def _counts(target: Tensor, known: Bool[Tensor, "..."] | None) -> Bool[Tensor, "..."]:
    return ~target.isnan() if known is None else ~target.isnan() & ~known


def _total(x: Tensor, group: Sequence[int]) -> Tensor:
    return x[:, list(group)].flatten(1).sum(1)


def _shells(size: tuple[int, ...]) -> Integer[Tensor, "*space"]:
    waves = torch.meshgrid(*(torch.fft.fftfreq(n) * max(size) for n in size), indexing="ij")
    return torch.stack([w.square() for w in waves]).sum(0).sqrt().round().long()
