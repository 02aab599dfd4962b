"""From token numbers to tokens that know their place, and the goal."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from humboldt.foundations import Embed, Tokens

from .batch import SequenceBatch
from .config import GraphConfig
from .vocabulary import FIRST_INDEX


class SequenceEmbed(Embed[SequenceBatch]):
    """x_n = token[id_n] + position[n]; the condition says of every goal its value and whether it is given.

    Where graphs grow edge by edge, a token that says a new node is told its number k too: x_n += token[IDX_k].

    Args:
        config: the model's configuration.
    """

    def __init__(self, config: GraphConfig) -> None:
        super().__init__()
        self.config = config
        width = config.core.scales[0].width
        self.token = nn.Embedding(config.rows, width)
        self.position = nn.Embedding(config.length, width)

    def forward(self, batch: SequenceBatch) -> Tokens:
        """Tokens of whole sequences.

        Raises:
            ValueError: sequences longer than the model has positions, or goals that it does not know.
        """
        return self.place(batch.ids, 0, self.condition(batch.goals, len(batch)))

    def place(
        self,
        ids: Int[Tensor, "b n"],
        start: Int[Tensor, " b"] | int,
        condition: Float[Tensor, "b c"] | None,
        said: Int[Tensor, " b"] | None = None,
    ) -> Tokens:
        """Tokens at `start` (of every sequence, or of all) and after it, where `said` nodes were said before."""
        first = torch.as_tensor(start, device=ids.device).reshape(-1, 1)
        end = int(first.max()) + ids.shape[1]
        if end > self.config.length:
            raise ValueError(
                f"this model has positions for {self.config.length} tokens, got a sequence of {end}; leave out graphs "
                "that are so large"
            )
        x = self.token(ids) + self.position(first + torch.arange(ids.shape[1], device=ids.device))
        if self.config.vocabulary.spelling == "growth":
            new = self.new(ids)
            number = new.cumsum(1) - 1 if said is None else new.cumsum(1) - 1 + said[:, None]
            x = x + self.token(FIRST_INDEX + number.clamp(0, self.config.vocabulary.indices - 1)) * new[..., None]
        return Tokens(x, condition)

    def new(self, ids: Int[Tensor, "b n"]) -> Bool[Tensor, "b n"]:
        """Which tokens say a new node."""
        vocabulary = self.config.vocabulary
        alone = (ids >= vocabulary.first_node) & (ids < vocabulary.first_edge)
        return alone | (ids >= vocabulary.first_both) & (ids < vocabulary.first_both + len(vocabulary.both))

    def condition(self, goals: Float[Tensor, "b g"] | None, count: int) -> Float[Tensor, "b c"] | None:
        """(value - mean) / deviation and 1 of a goal that is given, 0 and 0 of one that is not.

        In training each goal of a sequence is hidden by chance.
        """
        known = self.config.goals
        if goals is not None and goals.shape[1] != len(known):
            raise ValueError(
                f"this model is told the goals {[g.name for g in known]}, got {goals.shape[1]} columns; give one a goal"
            )
        if not known:
            return None
        like = self.token.weight
        if goals is None:
            return like.new_zeros(count, 2 * len(known))
        mean = torch.tensor([g.mean for g in known], dtype=like.dtype, device=like.device)
        deviation = torch.tensor([g.deviation for g in known], dtype=like.dtype, device=like.device)
        values = (goals.to(like) - mean) / deviation
        given = ~values.isnan()
        if self.training and self.config.goal_dropout:
            given &= torch.rand(values.shape, device=like.device) >= self.config.goal_dropout
        return torch.cat([torch.where(given, values, 0), given.to(like.dtype)], dim=1)
