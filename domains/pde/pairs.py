"""Which two frames of a trajectory make a training pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from humboldt.data_catalog import DataError
from humboldt.foundations import from_dict


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """A scheme of pairs (input frame i, target frame j), i outer and j inner (arXiv 2405.19101, section 2.3).

    With every pair i <= j of a trajectory a solution operator is trained on its own semigroup: T + 1 frames give
    (T + 1)(T + 2) / 2 pairs, the T + 1 identities among them.

    Attributes:
        stride: frames are taken every `stride` of the file's.
        steps: use only the frames 0, stride, ..., steps * stride; None takes all that the file has.
        input_frame: pairs from this frame (of the file) to all later ones only, without the identity.
        lead_steps: allowed j - i, in strides; None allows all.
        horizon: greatest j - i, in strides; None sets no limit.
    """

    stride: int = 1
    steps: int | None = None
    input_frame: int | None = None
    lead_steps: tuple[int, ...] | None = None
    horizon: int | None = None

    def __post_init__(self) -> None:
        if self.stride < 1:
            raise DataError(f"stride is at least 1 frame, got {self.stride}")
        if self.steps is not None and self.steps < 1:
            raise DataError(f"steps is at least 1, got {self.steps}; one step is two frames")
        if self.lead_steps is not None and min(self.lead_steps, default=-1) < 0:
            raise DataError(f"lead_steps are numbers of steps ahead, 0 or more, got {self.lead_steps}")

    def table(self, frames: int) -> np.ndarray:
        """The pairs of a trajectory of so many frames, [pairs, 2], frame numbers of the file.

        Raises:
            DataError: fewer frames than the scheme needs, or no pair is left.
        """
        first = self.input_frame or 0
        last = (frames - 1 - first) // self.stride if self.steps is None else self.steps
        if first + last * self.stride >= frames or last < 1:
            needed = first + max(last, 1) * self.stride + 1
            raise DataError(
                f"these pairs need {needed} frames, the data have {frames}; lower steps, stride or input_frame"
            )
        steps = [
            (i, j)
            for i in range(1 if self.input_frame is not None else last + 1)
            for j in range(i + (self.input_frame is not None), last + 1)
            if (self.lead_steps is None or j - i in self.lead_steps) and (self.horizon is None or j - i <= self.horizon)
        ]
        if not steps:
            raise DataError(f"no pair of {frames} frames fits {self}; allow other lead_steps or a longer horizon")
        return first + self.stride * np.array(steps)


def pair_table(pairs: str | Pairs | Mapping[str, Any] | Sequence[Sequence[int]], frames: int) -> np.ndarray:
    """The pairs of a trajectory of so many frames, [pairs, 2], by a scheme or its name: `all2all`, or `vanilla` (from
    the first frame to each later one); by the fields of a scheme; or as they are listed, -1 for the last frame.

    Raises:
        DataError: another name, or frames that are not there.
    """
    named = {"all2all": Pairs(), "vanilla": Pairs(input_frame=0)}
    if isinstance(pairs, Mapping):
        lead_steps = pairs.get("lead_steps")
        pairs = from_dict(Pairs, {**pairs, "lead_steps": None if lead_steps is None else tuple(lead_steps)})
    if isinstance(pairs, str) and pairs in named:
        pairs = named[pairs]
    if isinstance(pairs, Pairs):
        return pairs.table(frames)
    listed = np.array(pairs, dtype=object)  # of whatever lengths
    if listed.shape[1:] != (2,) or not all(isinstance(frame, int | np.integer) for frame in listed.flat):
        raise DataError(f"pairs are 'all2all', 'vanilla', a Pairs value or [[input, target], ...], got {pairs!r}")
    table = listed.astype(int)
    if table.min() < -frames or table.max() >= frames or (np.diff(table % frames) < 0).any():
        raise DataError(
            f"pairs are frames from 0 to {frames - 1}, the input's not after the target's, got {table.tolist()}; "
            "choose such frames"
        )
    return table % frames


def frame_pairs(frames: int, start: int, ahead: Sequence[int]) -> np.ndarray:
    """Pairs (start, start + k) for each k, [pairs, 2].

    Raises:
        DataError: a frame outside of the trajectory.
    """
    table = np.array([(start, start + k) for k in ahead])
    if not len(table) or table.min() < 0 or table.max() >= frames:
        raise DataError(
            f"a trajectory has frames 0 to {frames - 1}, got start={start} and ahead={tuple(ahead)}; "
            "choose frames that are there"
        )
    return table
