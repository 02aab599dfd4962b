"""What goes wrong with fields between an instrument and a model, at severities 1 to 5.

After the corruptions of images (ImageNet-C, arXiv 1903.12261), for fields with channels, units and times. A state is
always corrupted in the same way: chance depends on its content, the corruption and a seed, and not on the batch that it
comes in, nor on the severity: what a mild corruption does, a severe one of the same kind does too, and more of it.
"""

from __future__ import annotations

import dataclasses
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from ..view import View
from .states import NotApplicableError, ProtocolError, present, states, with_states


@dataclass(frozen=True)
class Sample:
    """What of one sample can be corrupted: states in physical units (NaN where missing), and the lead time told."""

    states: Float[Tensor, "t c *space"]
    lead_time: Float[Tensor, ""]
    periodic: tuple[bool, ...] = ()

    def at(self, states: Tensor) -> Sample:
        """Other states."""
        return dataclasses.replace(self, states=states)


@dataclass(frozen=True)
class Corruption:
    """One way in which fields go wrong.

    Attributes:
        name: by which it is asked for.
        about: what happens, in a line; `{}` stands for the strength.
        strengths: of severities 1 to 5.
        change: (sample, strength, generator) to the corrupted sample.
    """

    name: str
    about: str
    strengths: tuple[float, float, float, float, float]
    change: Callable[[Sample, float, Generator], Sample]


def noise(sample: Sample, strength: float, generator: Generator) -> Sample:
    """x + s std(x) n, with the deviation of each channel over the sample."""
    x = sample.states
    return sample.at(x + strength * _deviation(x) * torch.randn(x.shape, generator=generator))


def speckle(sample: Sample, strength: float, generator: Generator) -> Sample:
    """x (1 + s n)."""
    x = sample.states
    return sample.at(x * (1 + strength * torch.randn(x.shape, generator=generator)))


def swath(sample: Sample, strength: float, generator: Generator) -> Sample:
    """A strip across the last axis is missing in all channels and times."""
    x = sample.states.clone()
    width = max(1, round(strength * x.shape[-1]))
    start = int(torch.randint(x.shape[-1] - width + 1, (), generator=generator))
    x[..., start : start + width] = torch.nan
    return sample.at(x)


def stuck(sample: Sample, strength: float, generator: Generator) -> Sample:
    """A share of the places reports, in every channel and at every time, what one of them saw first."""
    x = sample.states.flatten(2).clone()
    order = torch.randperm(x.shape[-1], generator=generator)
    broken = order[: max(1, round(strength * x.shape[-1]))]
    x[..., broken] = x[:1, :, broken[:1]]
    return sample.at(x.view_as(sample.states))


def dropped(sample: Sample, strength: float, generator: Generator) -> Sample:
    """A share of the channels is missing, one at least; one at least stays."""
    here = present(sample.states)
    if len(here) < 2:
        raise NotApplicableError(f"a channel is dropped of two or more, got {len(here)}; leave `dropped` out")
    count = min(max(1, round(strength * len(here))), len(here) - 1)
    lost = torch.tensor(here)[torch.randperm(len(here), generator=generator)[:count]]
    return sample.at(sample.states.index_fill(1, lost, torch.nan))


def shift(sample: Sample, strength: float, generator: Generator) -> Sample:
    """Everything lies a share of the last axis further on; what has no value repeats the edge where it is open."""
    x = sample.states
    count = math.ceil(strength * x.shape[-1])
    moved = x.roll(count, -1)
    if not (sample.periodic and sample.periodic[-1]):
        moved[..., :count] = x[..., :1]
    return sample.at(moved)


def coarse(sample: Sample, strength: float, generator: Generator) -> Sample:
    """Means over blocks of so many points along every axis; a block with a missing value is missing."""
    x = sample.states
    size = tuple(-(-n // round(strength)) for n in x.shape[2:])
    return sample.at(F.interpolate(F.interpolate(x, size=size, mode="area"), size=x.shape[2:], mode="nearest"))


def unit(sample: Sample, strength: float, generator: Generator) -> Sample:
    """One channel comes in another unit: all its values times a factor."""
    here = present(sample.states)
    factor = torch.ones(sample.states.shape[1])
    factor[here[int(torch.randint(len(here), (), generator=generator))]] = strength
    return sample.at(sample.states * factor.view(-1, *(1,) * (sample.states.dim() - 2)))


def time(sample: Sample, strength: float, generator: Generator) -> Sample:
    """Clocks disagree: half of the channels of the last state lie a share of a step before the others; where there is
    one state alone, the lead time told is too long by that share."""
    x = sample.states.clone()
    if len(x) == 1:
        return dataclasses.replace(sample, lead_time=sample.lead_time * (1 + strength))
    late = torch.randperm(x.shape[1], generator=generator)[: (x.shape[1] + 1) // 2]
    x[-1, late] = torch.lerp(x[-1, late], x[-2, late], strength)
    return sample.at(x)


def quantised(sample: Sample, strength: float, generator: Generator) -> Sample:
    """Values of a channel are rounded to 2^bits levels between its smallest and its largest."""
    x = sample.states
    flat = x.transpose(0, 1).flatten(1)
    shape = (1, -1, *(1,) * (x.dim() - 2))
    low = flat.nan_to_num(nan=torch.inf).amin(1).view(shape)
    high = flat.nan_to_num(nan=-torch.inf).amax(1).view(shape)
    step = (high - low) / (2 ** round(strength) - 1)
    return sample.at(torch.where(step > 0, low + ((x - low) / step).round() * step, x))


_ALL = (
    Corruption("noise", "noise of {} deviations of the channel", (0.05, 0.1, 0.2, 0.4, 0.8), noise),
    Corruption("speckle", "noise of {} of the value", (0.05, 0.1, 0.2, 0.4, 0.8), speckle),
    Corruption("swath", "a strip of {} of the last axis is missing", (0.05, 0.1, 0.2, 0.35, 0.5), swath),
    Corruption("stuck", "a share {} of the places reports one value", (0.01, 0.02, 0.05, 0.1, 0.2), stuck),
    Corruption("dropped", "a share {} of the channels is missing", (0.1, 0.2, 0.3, 0.4, 0.5), dropped),
    Corruption("shift", "moved by {} of the last axis", (0.02, 0.04, 0.08, 0.16, 0.25), shift),
    Corruption("coarse", "means over blocks of {} points", (2.0, 3.0, 4.0, 6.0, 8.0), coarse),
    Corruption("unit", "one channel times {}", (1.1, 1.8, 10.0, 100.0, 1000.0), unit),
    Corruption("time", "clocks that disagree by {} of a step", (0.1, 0.2, 0.4, 0.6, 0.8), time),
    Corruption("quantised", "values in {} bits", (8.0, 6.0, 4.0, 3.0, 2.0), quantised),
)
CORRUPTIONS: dict[str, Corruption] = {corruption.name: corruption for corruption in _ALL}


class Corrupted(View):
    """A dataset of fields, each state of which is corrupted; targets are not.

    Args:
        data: of any science with fields.
        corruption: a name of `CORRUPTIONS`, or one of one's own.
        severity: 1 to 5; 0 leaves everything as it is.
        seed: of chance.

    Raises:
        ProtocolError: another name or severity.
    """

    def __init__(self, data: Any, corruption: str | Corruption, severity: int, seed: int = 0) -> None:
        super().__init__(data)
        if isinstance(corruption, str) and corruption not in CORRUPTIONS:
            raise ProtocolError(f"corruptions are {', '.join(CORRUPTIONS)}, got {corruption!r}; choose among them")
        if severity not in range(6):
            raise ProtocolError(f"a severity is 1 to 5, or 0 for none, got {severity}; choose one of them")
        self.corruption = CORRUPTIONS[corruption] if isinstance(corruption, str) else corruption
        self.severity, self.seed = severity, seed

    def batch(self, indices: Sequence[int]) -> Any:
        """The corrupted batch; its target is the true one."""
        batch = self.viewed.batch(indices)
        if self.severity == 0:
            return batch
        periodic, given = tuple(getattr(batch, "periodic", ())), zip(states(batch), batch.lead_time, strict=True)
        samples = [self.changed(Sample(x, lead, periodic)) for x, lead in given]
        fields, leads = (torch.stack(list(v)) for v in zip(*((s.states, s.lead_time) for s in samples), strict=True))
        return with_states(batch, fields, lead_time=leads)

    def changed(self, sample: Sample) -> Sample:
        """One sample, with the chance that belongs to its content, whatever the severity."""
        words = f"{self.corruption.name} {self.seed}".encode()
        content = zlib.crc32(sample.states.contiguous().numpy().tobytes(), zlib.crc32(words))
        strength = self.corruption.strengths[self.severity - 1]
        return self.corruption.change(sample, strength, Generator().manual_seed(content))


def _deviation(x: Float[Tensor, "t c *space"]) -> Float[Tensor, "1 c *ones"]:
    across = [d for d in range(x.dim()) if d != 1]
    return (x - x.nanmean(across, keepdim=True)).square().nanmean(across, keepdim=True).sqrt()
