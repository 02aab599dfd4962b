"""What is known of sequences that are being written, whatever their spelling, and what bonds their nodes can take."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from humboldt.foundations import ConfigError

from .atoms import bond_type, largest_valence
from .vocabulary import Vocabulary

ORDER = {"SINGLE": 1, "DOUBLE": 2, "TRIPLE": 3, "QUADRUPLE": 4, "ZERO": 0}
PLENTY = 1 << 20  # more bonds than any node takes


class Progress(ABC):
    """Several sequences that all begin with `<boc>`: which pairs of nodes are open, how many bonds each can still take.

    Args:
        vocabulary: of the sequences.
        batch: number of sequences.
        length: the most tokens of a sequence.
        valences: no node takes more bonds, counted by their order, than its element can (Kekule bonds only).
        device: of the masks.

    Raises:
        ConfigError: valences are asked of graphs that are not molecules with Kekule bonds, or too short a length.
    """

    first: ClassVar[int]
    """State in which a sequence begins."""
    counted: ClassVar[tuple[str, ...]]
    """Numbers that are kept for every sequence, 0 at the beginning."""
    written: Tensor
    """Tokens of every sequence so far."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        batch: int,
        length: int,
        *,
        valences: bool = False,
        device: torch.device | str = "cpu",
    ) -> None:
        if length < vocabulary.shortest:
            raise ConfigError(f"a graph takes {vocabulary.shortest} tokens at least, got length={length}")
        self.vocabulary, self.length, self.device = vocabulary, length, torch.device(device)
        self.order, self.takes = bonds_of(vocabulary, valences, self.device)
        self.state = torch.full((batch,), self.first, dtype=torch.long, device=self.device)
        for name in self.counted:
            setattr(self, name, torch.zeros_like(self.state))
        self.left = self.state.new_zeros(batch, vocabulary.indices)
        self.open = torch.zeros(batch, vocabulary.indices, vocabulary.indices, dtype=torch.bool, device=self.device)
        self.written = torch.ones_like(self.state)

    @abstractmethod
    def allowed(self) -> Bool[Tensor, "b tokens"]:
        """The tokens that may come next."""

    @abstractmethod
    def advance(self, tokens: Int[Tensor, " b"]) -> None:
        """Write a token to every sequence."""

    def keep(self, rows: Int[Tensor, " kept"]) -> None:
        """Go on with these sequences only."""
        for name in ("state", "left", "open", "written", *self.counted):
            setattr(self, name, getattr(self, name)[rows])

    def restart(self, rows: Int[Tensor, " new"]) -> None:
        """Other sequences begin in these places."""
        for name in ("left", "open", *self.counted):
            getattr(self, name)[rows] = 0
        self.state[rows], self.written[rows] = self.first, 1


def bonds_of(vocabulary: Vocabulary, valences: bool, device: torch.device) -> tuple[Tensor, Tensor]:
    """Order of every edge type, and the most bonds of every node type.

    Raises:
        ConfigError: valences are asked of graphs that are not molecules with Kekule bonds.
    """
    if not valences:
        order, takes = [0] * len(vocabulary.edges), [PLENTY] * len(vocabulary.nodes)
        return torch.tensor(order, device=device), torch.tensor(takes, device=device)
    chemistry = vocabulary.chemistry
    if (
        chemistry is None
        or chemistry.bonds != "kekule"
        or (unknown := set(map(bond_type, vocabulary.edges)) - set(ALLOWED))
    ):
        odd = "no molecules" if chemistry is None else "aromatic bonds" if chemistry.bonds != "kekule" else unknown
        raise ConfigError(
            f"valences are kept for molecules with Kekule bonds, got {odd} in the vocabulary {vocabulary.name}; "
            "train with Chemistry(bonds='kekule'), or leave valences=False"
        )
    order = [ORDER.get(bond_type(label), PLENTY) for label in vocabulary.edges]
    takes = [largest_valence(label) for label in vocabulary.nodes]
    return torch.tensor(order, device=device), torch.tensor(takes, device=device)


ALLOWED = tuple(label for label, order in ORDER.items() if order > 0)


def state_in(state: Tensor, *states: int) -> Tensor:
    """Where the state is one of these."""
    found = state == states[0]
    for other in states[1:]:
        found = found | (state == other)
    return found
