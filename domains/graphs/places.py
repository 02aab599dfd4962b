"""The places of a batch in which sequences are written: where one ends, the next one may begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .drawing import chosen
from .vocabulary import EOG


@dataclass(frozen=True)
class Sampled:
    """A drawn sequence.

    Attributes:
        ids: its tokens, up to the end token if it came.
        log_likelihood: log p(ids) of the model itself, as in its loss: no temperature, no constraint.
        log_probability: log of the probability with which it was drawn.
    """

    ids: tuple[int, ...]
    log_likelihood: float
    log_probability: float


class Places:
    """`count` sequences that all begin with `prompt`, written in `size` places at a time.

    Args:
        length: tokens at most.
        pad: token of what is not written.

    Attributes:
        sequence: the number of the one that each place writes.
        written: how many tokens it has.
        going: whether it goes on.
        tokens: the last one of each place.
    """

    def __init__(
        self, count: int, size: int, prompt: Sequence[int], *, length: int, pad: int, device: torch.device
    ) -> None:
        self.count, self.length, self.pad, self.begun = count, length, pad, size
        self.prompt = torch.tensor(prompt, device=device)
        self.ids = torch.full((count, length), pad, dtype=torch.long, device=device)
        self.ids[:, : len(prompt)] = self.prompt
        self.likelihood, self.probability = (torch.zeros(count, dtype=torch.float64, device=device) for _ in range(2))
        self.lengths = torch.full((count,), length, device=device)
        self.sequence = torch.arange(size, device=device)
        self.going = torch.ones_like(self.sequence, dtype=torch.bool)
        self.written = torch.full_like(self.sequence, len(prompt))
        self.tokens = self.prompt[-1:].expand(size)

    def write(
        self, drawn: Int[Tensor, " places"], logits: Float[Tensor, "places k"], shaped: Float[Tensor, "places rows"]
    ) -> None:
        """Append a token to each sequence that goes on: the drawn one, or what the prompt says there.

        Args:
            logits: of the model, whose likelihood is added up.
            shaped: from which the tokens were drawn.
        """
        told = self.written < len(self.prompt)  # of sequences that began later than the first ones
        tokens = drawn.where(self.going, self.pad)
        tokens = torch.where(told, self.prompt[self.written.clamp_max(len(self.prompt) - 1)], tokens)
        at, going = self.written.clamp_max(self.length - 1), self.going
        self.ids[self.sequence[going], at[going]] = tokens[going]
        for total, scores in ((self.likelihood, logits), (self.probability, shaped)):
            total[self.sequence] += chosen(scores.log_softmax(-1), tokens).where(going & ~told, 0.0)
        self.written += 1
        ends = going & (tokens == EOG)
        self.lengths[self.sequence[ends]] = self.written[ends]
        self.going = going & ~ends & (self.written < self.length)
        self.tokens = tokens

    @property
    def ended(self) -> Int[Tensor, " ended"]:
        """The places whose sequence does not go on."""
        return (~self.going).nonzero().squeeze(1)

    def refill(self) -> tuple[Int[Tensor, " new"], Int[Tensor, " new"]]:
        """Begin as many sequences as wait and have a place: these places, and the numbers of their sequences."""
        places = self.ended[: self.count - self.begun]
        new = torch.arange(self.begun, self.begun + len(places), device=places.device)
        self.sequence[places], self.written[places], self.going[places] = new, 1, True
        self.tokens[places] = self.prompt[0]
        self.begun += len(places)
        return places, new

    def keep(self, places: Int[Tensor, " kept"]) -> None:
        """Go on with these places only."""
        for name in ("sequence", "tokens", "written", "going"):
            setattr(self, name, getattr(self, name)[places])

    def sequences(self) -> list[Sampled]:
        """All of them, in the order of their numbers."""
        columns = (self.ids, self.lengths, self.likelihood, self.probability)
        found = zip(*(column.tolist() for column in columns), strict=True)
        return [Sampled(tuple(ids[:length]), *logs) for ids, length, *logs in found]
