"""Small worlds whose objects can be counted, so that what a flow has learned is compared with the exact distribution.

A state is a vector of whole numbers. Actions are numbered; the last one stops, and the state is then the object.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor


@runtime_checkable
class World(Protocol):
    """What flows need to know of a world."""

    actions: int
    features: int

    def start(self, count: int) -> Int[Tensor, "b s"]:
        """The initial state, `count` times."""
        ...

    def allowed(self, states: Int[Tensor, "b s"]) -> Bool[Tensor, "b actions"]:
        """Which actions may be taken."""
        ...

    def undoable(self, states: Int[Tensor, "b s"]) -> Bool[Tensor, "b actions"]:
        """Which actions may have led here (never the last one)."""
        ...

    def move(self, states: Int[Tensor, "b s"], actions: Int[Tensor, " b"]) -> Int[Tensor, "b s"]:
        """The state after an action; the last one changes nothing."""
        ...

    def undo(self, states: Int[Tensor, "b s"], actions: Int[Tensor, " b"]) -> Int[Tensor, "b s"]:
        """The state before an action."""
        ...

    def encode(self, states: Int[Tensor, "b s"]) -> Float[Tensor, "b f"]:
        """What a network is shown of a state."""
        ...

    def levels(self) -> list[Int[Tensor, "k s"]]:
        """All states, those that need more actions after those that need fewer."""
        ...


@dataclass(frozen=True)
class GridWorld:
    """Corners of a grid of `side` points along each of `axes`: an action goes one point up along one axis.

    The task of the first paper on flow networks (arXiv 2106.04399); every point is an object.
    """

    side: int
    axes: int = 2

    @property
    def actions(self) -> int:
        """One an axis, and to stop."""
        return self.axes + 1

    @property
    def features(self) -> int:
        """One hot place along every axis."""
        return self.axes * self.side

    def start(self, count: int) -> Int[Tensor, "b s"]:
        """The corner of zeros."""
        return torch.zeros(count, self.axes, dtype=torch.long)

    def allowed(self, states: Int[Tensor, "b s"]) -> Bool[Tensor, "b actions"]:
        """Up where there is room, and to stop."""
        return F.pad(states < self.side - 1, (0, 1), value=True)

    def undoable(self, states: Int[Tensor, "b s"]) -> Bool[Tensor, "b actions"]:
        """Along every axis that was gone up."""
        return F.pad(states > 0, (0, 1), value=False)

    def move(self, states: Int[Tensor, "b s"], actions: Int[Tensor, " b"]) -> Int[Tensor, "b s"]:
        """One up."""
        return states + F.one_hot(actions, self.actions)[:, :-1]

    def undo(self, states: Int[Tensor, "b s"], actions: Int[Tensor, " b"]) -> Int[Tensor, "b s"]:
        """One down."""
        return states - F.one_hot(actions, self.actions)[:, :-1]

    def encode(self, states: Int[Tensor, "b s"]) -> Float[Tensor, "b f"]:
        """One hot along every axis."""
        return F.one_hot(states, self.side).flatten(1).float()

    def levels(self) -> list[Int[Tensor, "k s"]]:
        """By the sum of the coordinates."""
        points = torch.cartesian_prod(*[torch.arange(self.side)] * self.axes).view(-1, self.axes)
        return [points[points.sum(1) == level] for level in range(self.axes * (self.side - 1) + 1)]


@dataclass(frozen=True)
class BitSequences:
    """Sequences of `length` bits, written from both ends: an action puts 0 or 1 in front or behind.

    So a sequence is reached in many ways. Only whole sequences are objects. A state is the bits, filled up with 2.
    """

    length: int
    actions = 5

    @property
    def features(self) -> int:
        """One hot bits, or nothing."""
        return 3 * self.length

    def start(self, count: int) -> Int[Tensor, "b s"]:
        """No bits."""
        return torch.full((count, self.length), 2)

    def written(self, states: Int[Tensor, "b s"]) -> Int[Tensor, " b"]:
        """Number of bits."""
        return (states < 2).sum(1)

    def allowed(self, states: Int[Tensor, "b s"]) -> Bool[Tensor, "b actions"]:
        """To write until it is whole, then to stop."""
        whole = (self.written(states) == self.length)[:, None]
        return torch.cat([(~whole).expand(-1, 4), whole], dim=1)

    def undoable(self, states: Int[Tensor, "b s"]) -> Bool[Tensor, "b actions"]:
        """What stands in front, and behind."""
        count, rows = self.written(states), torch.arange(len(states))
        front, back = states[:, 0], states[rows, (count - 1).clamp_min(0)]
        some = count > 0
        found = [some & (end == bit) for end in (front, back) for bit in (0, 1)]
        return F.pad(torch.stack(found, dim=1), (0, 1), value=False)

    def move(self, states: Int[Tensor, "b s"], actions: Int[Tensor, " b"]) -> Int[Tensor, "b s"]:
        """0 or 1 in front (actions 0 and 1), or behind (2 and 3)."""
        rows = torch.arange(len(states))
        front = torch.cat([(actions % 2)[:, None], states[:, :-1]], dim=1)
        back = states.clone()
        back[rows, self.written(states).clamp_max(self.length - 1)] = actions % 2
        moved = torch.where((actions < 2)[:, None], front, back)
        return torch.where((actions == 4)[:, None], states, moved)

    def undo(self, states: Int[Tensor, "b s"], actions: Int[Tensor, " b"]) -> Int[Tensor, "b s"]:
        """Take it away again."""
        rows = torch.arange(len(states))
        front = F.pad(states[:, 1:], (0, 1), value=2)
        back = states.clone()
        back[rows, (self.written(states) - 1).clamp_min(0)] = 2
        return torch.where((actions < 2)[:, None], front, back)

    def encode(self, states: Int[Tensor, "b s"]) -> Float[Tensor, "b f"]:
        """One hot bits."""
        return F.one_hot(states, 3).flatten(1).float()

    def levels(self) -> list[Int[Tensor, "k s"]]:
        """By the number of bits."""
        found = [self.start(1)]
        for count in range(1, self.length + 1):
            bits = torch.cartesian_prod(*[torch.arange(2)] * count).view(-1, count)
            found.append(F.pad(bits, (0, self.length - count), value=2))
        return found
