"""Random symmetries of a regular grid: periodic translations, and the turns and reflections of the square."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Shaped
from torch import Tensor

from .batch import FieldBatch
from .config import Channel


@dataclass(frozen=True, kw_only=True)
class Symmetry:
    """One element: first the axes are exchanged, then some reflected, then the field is translated.

    Attributes:
        axes: new axis a is old axis `axes[a]`.
        reflected: True for new axes that run backwards.
        shift: grid points by which the field moves along each new axis.
    """

    axes: tuple[int, ...]
    reflected: tuple[bool, ...]
    shift: tuple[int, ...]

    def __call__(
        self, fields: Shaped[Tensor, "c *space"], vectors: Sequence[Sequence[int]] = ()
    ) -> Shaped[Tensor, "c *space"]:
        """The field seen after the change; channels in `vectors` (one per axis, in order) turn with it."""
        fields = fields.permute(0, *(1 + a for a in self.axes))
        fields = fields.flip([1 + a for a, back in enumerate(self.reflected) if back])
        fields = fields.roll(self.shift, tuple(range(1, fields.dim())))
        turned = fields.clone()
        for vector in vectors:
            for axis, channel in enumerate(vector):
                component = fields[vector[self.axes[axis]]]
                turned[channel] = -component if self.reflected[axis] else component
        return turned


Vectors = tuple[Sequence[Sequence[int]], Sequence[Sequence[int]]]


def augment(
    batch: FieldBatch,
    vectors: Vectors = ((), ()),
    *,
    shifts: bool = True,
    turns: bool = True,
    generator: torch.Generator | None = None,
) -> FieldBatch:
    """The batch under an own random symmetry per sample, the same for state and target.

    Sound where the equation has the symmetry and its data hold every direction that matters: translations along
    periodic axes for equations without explicit position; turns and reflections for isotropic ones (no gravity, no
    mean wind left out of the channels). Channels outside of `vectors` are taken as scalars; the sign of a
    pseudoscalar such as vorticity would change under reflections, which is not done here.

    Args:
        vectors: channel indices of the components, in the order of the axes, of every vector among the state's and
            among the target's channels; see `vector_channels`.
        shifts: translate along periodic axes.
        turns: exchange axes of equal length and reflect axes.

    Raises:
        ValueError: hidden tokens, which have no place on the grid any more.
    """
    size = tuple(batch.fields.shape[2:])
    choices = {"shifts": shifts, "turns": turns}
    drawn = [random_symmetry(size, batch.periodic, generator=generator, **choices) for _ in batch.fields]
    return transform(batch, drawn, vectors)


def transform(batch: FieldBatch, symmetries: Sequence[Symmetry], vectors: Vectors = ((), ())) -> FieldBatch:
    """The batch with one given symmetry per sample; see `augment`."""
    if batch.hidden is not None:
        raise ValueError("augmentation comes before tokens are hidden, got a batch with `hidden`; augment first")

    def apply(x: Tensor, vectors: Sequence[Sequence[int]]) -> Tensor:
        return torch.stack([g(sample, vectors) for g, sample in zip(symmetries, x, strict=True)])

    target, known = batch.target, batch.known
    if target is not None and known is not None:
        known = apply(known.expand_as(target).to(target.dtype), vectors[1]) != 0
    return dataclasses.replace(
        batch,
        fields=apply(batch.fields, vectors[0]),
        target=None if target is None else apply(target, vectors[1]),
        known=known,
    )


def random_symmetry(
    size: tuple[int, ...],
    periodic: tuple[bool, ...] = (),
    *,
    shifts: bool = True,
    turns: bool = True,
    generator: torch.Generator | None = None,
) -> Symmetry:
    """A symmetry of a grid, each as likely as any other; axes are exchanged where that maps the grid onto itself."""

    def below(count: int) -> int:
        return int(torch.randint(count, (), generator=generator))

    periodic = periodic or (False,) * len(size)
    axes = tuple(torch.randperm(len(size), generator=generator).tolist())
    alike = [(size[a], periodic[a]) for a in axes] == list(zip(size, periodic, strict=True))
    return Symmetry(
        axes=axes if turns and alike else tuple(range(len(size))),
        reflected=tuple(bool(below(2)) and turns for _ in size),
        shift=tuple(below(n) if shifts and p else 0 for n, p in zip(size, periodic, strict=True)),
    )


_ENDS = ("_x", "_y", "_z")


def vector_channels(channels: Sequence[Channel], axes: int) -> tuple[tuple[int, ...], ...]:
    """Indices of the groups that are vectors: as many channels as axes, whose names end in _x, _y, _z."""
    groups: dict[str, list[int]] = {}
    for index, channel in enumerate(channels):
        groups.setdefault(channel.error_group, []).append(index)
    found = []
    for members in groups.values():
        by_end = {channels[m].name[-2:]: m for m in members}
        if len(members) == axes and set(by_end) == set(_ENDS[:axes]):
            found.append(tuple(by_end[end] for end in _ENDS[:axes]))
    return tuple(found)
