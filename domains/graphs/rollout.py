"""What a policy drew, and how probable the policy finds it: what objectives that learn from rewards are made of.

A model of graphs is a policy: a state is the beginning of a sequence, an action is the next token. So a sequence is
reached in one way only.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from humboldt.foundations import ConfigError, Model

from .batch import SequenceBatch
from .drawing import Drawing
from .lawful import allowed_tokens
from .molecules import decode_molecule
from .rewards import Reward
from .sample import draw_batch, model_device
from .vocabulary import BOC


@dataclass(frozen=True)
class Rollout:
    """Sequences of a policy.

    Attributes:
        batch: the sequences, and the goals that they were told.
        smiles: of the largest part of each, None where it is not a molecule.
        allowed: tokens that might have come, at every place after the first; None for all of the vocabulary.
        tokens: number of tokens in the vocabulary.
    """

    batch: SequenceBatch
    smiles: tuple[str | None, ...]
    allowed: Bool[Tensor, "b m tokens"] | None
    tokens: int

    @property
    def valid(self) -> Bool[Tensor, " b"]:
        """Which are molecules."""
        return torch.tensor([smiles is not None for smiles in self.smiles], device=self.batch.ids.device)

    def untold(self) -> Rollout:
        """The same sequences without goals."""
        return dataclasses.replace(self, batch=dataclasses.replace(self.batch, goals=None))

    def worth(self, reward: Reward, otherwise: float) -> Float[Tensor, " b"]:
        """The reward of every molecule, and `otherwise` of what is none."""
        found = torch.full((len(self.batch),), otherwise, device=self.batch.ids.device)
        molecules = [smiles for smiles in self.smiles if smiles is not None]
        if molecules:
            found[self.valid] = torch.from_numpy(reward(molecules)).to(found)
        return found


def roll_out(
    model: Model,
    count: int,
    drawing: Drawing,
    chance: torch.Generator,
    goals: Float[Tensor, "b g"] | None = None,
) -> Rollout:
    """Draw sequences of a policy.

    Args:
        model: of molecules.
        count: number of sequences.
        drawing: constrained or not; otherwise the model's own distribution.
        chance: of the draws.
        goals: what each sequence is told, NaN where not given.

    Raises:
        ConfigError: a distribution that is not the policy's own.
    """
    if (drawing.temperature, drawing.top_k, drawing.top_p, drawing.guidance) != (1, None, None, 1):
        raise ConfigError(
            "a policy is learned from what it draws itself, got another temperature, top_k, top_p or guidance in "
            f"{drawing}; leave them as they are"
        )
    vocabulary = model.config.vocabulary
    drawn = draw_batch(model, count, drawing, goals, (BOC,), chance)
    told = None if goals is None else goals.expand(count, -1).to(model_device(model))
    batch = SequenceBatch.of([one.ids for one in drawn], vocabulary.pad, told).to(model_device(model))
    smiles = tuple(decode_molecule(one.ids, vocabulary).smiles for one in drawn)
    allowed = allowed_tokens(model.config, batch, drawing) if drawing.constrained else None
    return Rollout(batch, smiles, allowed, len(vocabulary))


def log_policy(model: Model, made: Rollout) -> Float[Tensor, "b m"]:
    """log p of every token after the first among those that were allowed; 0 where a row is filled up."""
    logits = model(made.batch).logits[:, :-1, : made.tokens]
    if made.allowed is not None:
        logits = logits.masked_fill(~made.allowed, float("-inf"))
    chosen = logits.log_softmax(-1).gather(2, made.batch.ids[:, 1:, None]).squeeze(2)
    return chosen.where(made.batch.real[:, 1:], 0.0)
