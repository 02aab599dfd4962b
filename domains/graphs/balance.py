"""Trajectory balance of a model of molecules: it learns to draw in proportion to a reward, not only what is best.

A sequence s is reached in one way only, so trajectory balance (arXiv 2201.13259) has no backward policy. The reward is
told relative to the pretrained model p_0, as R(s) = p_0(s) exp(b r(s)) (arXiv 2405.20971), so what is drawn stays
molecules of its kind:

    L = (log Z + log p(s) - log p_0(s) - b r(s))^2

is 0 exactly where p = R / Z.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import ConfigError, Model

from .drawing import Drawing
from .rewards import Reward
from .rollout import Rollout, log_policy, roll_out
from .sample import model_device


@dataclass(frozen=True, kw_only=True)
class Balanced:
    """The numbers of the objective.

    Attributes:
        batch: sequences of a step.
        rate, partition_rate: of Adam, for the policy and for log Z.
        strength: b.
        invalid: r of what is not a molecule.
        norm: most gradient norm.
    """

    batch: int = 64
    rate: float = 1e-3
    partition_rate: float = 3e-2
    strength: float = 10.0
    invalid: float = 0.0
    norm: float = 1.0

    def __post_init__(self) -> None:
        if self.batch < 2:
            raise ConfigError(f"a step has 2 sequences at least, got {self.batch}")


class Partition(nn.Module):
    """log Z of what a sequence is told: a constant, and a small net of one number (told) beside it."""

    def __init__(self, hidden: int = 32) -> None:
        super().__init__()
        self.constant = nn.Parameter(torch.zeros(()))
        layers = (nn.Linear(1, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, 1))
        self.net = nn.Sequential(*layers)
        nn.init.zeros_(layers[-1].weight), nn.init.zeros_(layers[-1].bias)

    def forward(self, told: Float[Tensor, " b"]) -> Float[Tensor, " b"]:
        """log Z of each; `told` is in deviations from the mean, 0 where nothing is told."""
        return self.constant + self.net(told[:, None])[:, 0]


class Balance:
    """A policy on its way to draw in proportion to a reward.

    Args:
        model: of molecules, left as it is.
        choices: numbers of the objective.
        drawing: whether sequences are drawn with a grammar and valences; p and p_0 are those of what is allowed.
        seed: of all that is drawn.
    """

    def __init__(
        self, model: Model, choices: Balanced | None = None, drawing: Drawing | None = None, seed: int = 0
    ) -> None:
        self.choices, self.drawing = choices or Balanced(), drawing or Drawing(valences=True)
        self.policy, self.prior = (copy.deepcopy(model).eval() for _ in range(2))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.partition = Partition().to(model_device(model))
        rates = [(self.policy, self.choices.rate), (self.partition, self.choices.partition_rate)]
        self.optimiser = torch.optim.Adam([{"params": list(part.parameters()), "lr": rate} for part, rate in rates])
        self.chance = torch.Generator(device=model_device(model)).manual_seed(seed)
        self.begun = False

    def learn(self, reward: Reward, steps: int) -> list[float]:
        """Take steps; the mean reward of the sequences that were drawn for each.

        Raises:
            RewardError: see `Reward`.
        """
        means = []
        for _ in range(steps):
            made = roll_out(self.policy, self.choices.batch, self.drawing, self.chance)
            worth = made.worth(reward, self.choices.invalid)
            self.descend(made, self.choices.strength * worth, torch.zeros_like(worth))
            means.append(float(worth.mean()))
        return means

    def descend(self, made: Rollout, log_reward: Float[Tensor, " b"], told: Float[Tensor, " b"]) -> float:
        """One step on drawn sequences; the loss. `told` is what the partition is told."""
        with torch.no_grad():
            target = log_policy(self.prior, made.untold()).sum(1) + log_reward
            if not self.begun:  # log Z begins where the first sequences say it is
                self.partition.constant.copy_((target - log_policy(self.policy, made).sum(1)).mean())
                self.begun = True
        loss = (self.partition(told) + log_policy(self.policy, made).sum(1) - target).square().mean()
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.policy.parameters(), self.choices.norm)
        self.optimiser.step()
        return loss.item()
