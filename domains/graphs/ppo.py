"""Proximal policy optimisation of a model of molecules (arXiv 1707.06347), as G2PT does it (arXiv 2501.01073).

A molecule's reward comes with its last token, and every token pays for leaving the pretrained model:

    r_l = [l is last] R - k (log p(s_l) - log p_0(s_l))
    d_l = r_l + g V_{l+1} - V_l,   A_l = d_l + g e A_{l+1}                     (arXiv 1506.02438)
    L = -min(q A, clip(q, 1 - c, 1 + c) A) + w |V - (A + V_old)| + u L_0       q = p / p_old

with V a critic of the same shape that starts from the pretrained weights, and L_0 the loss of pretraining.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import ConfigError, Model

from .batch import SequenceBatch
from .drawing import Drawing
from .rewards import Reward
from .rollout import Rollout, log_policy, roll_out
from .sample import model_device


@dataclass(frozen=True, kw_only=True)
class Proximal:
    """The numbers of the objective; the published ones but for the rates, whose exponents are not known.

    Attributes:
        batch: sequences of a step.
        passes: over each batch.
        rate, critic_rate: of Adam.
        clip: of the ratio, and of the change of the critic.
        penalty: k, in units of the reward per nat.
        critic: w.
        pretraining: u; with data only.
        discount, trace: g and e.
        normalise: give advantages mean 0 and deviation 1.
        invalid: reward of what is not a molecule.
        norm: most gradient norm.
    """

    batch: int = 60
    passes: int = 2
    rate: float = 1e-3
    critic_rate: float = 1e-3
    clip: float = 0.2
    penalty: float = 0.03
    critic: float = 0.5
    pretraining: float = 0.03
    discount: float = 1.0
    trace: float = 1.0
    normalise: bool = True
    invalid: float = 0.0
    norm: float = 1.0

    def __post_init__(self) -> None:
        for name in ("discount", "trace"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is a share in [0, 1], got {getattr(self, name)}")
        if self.batch < 2 or self.passes < 1:
            raise ConfigError(f"a step has 2 sequences and 1 pass at least, got {self.batch} and {self.passes}")


class Critic(nn.Module):
    """What is still to come after every token: a copy of a model's embedding and core under one linear map."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.embed, self.core = copy.deepcopy(model.embed), copy.deepcopy(model.core)
        self.out = nn.Linear(model.config.core.scales[0].width, 1)
        nn.init.zeros_(self.out.weight), nn.init.zeros_(self.out.bias)

    def forward(self, batch: SequenceBatch) -> Float[Tensor, "b m"]:
        """V before every token but the first; 0 where a row is filled up."""
        values = self.out(self.core(self.embed(batch)).x)[:, :-1, 0]
        return values.where(batch.real[:, 1:], 0.0)


class PPO:
    """A policy on its way to a reward.

    Args:
        model: of molecules, left as it is.
        choices: numbers of the objective.
        drawing: whether sequences are drawn with a grammar and valences; the policy is that of what is allowed.
        data: for the loss of pretraining; a dataset of the model's own vocabulary, or None.
        seed: of all that is drawn.
    """

    def __init__(
        self,
        model: Model,
        choices: Proximal | None = None,
        drawing: Drawing | None = None,
        data: Any = None,
        seed: int = 0,
    ) -> None:
        self.choices, self.drawing, self.data = choices or Proximal(), drawing or Drawing(valences=True), data
        self.policy, self.prior = (copy.deepcopy(model).eval() for _ in range(2))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.critic = Critic(model).eval().to(model_device(model))
        rates = [(self.policy, self.choices.rate), (self.critic, self.choices.critic_rate)]
        self.optimiser = torch.optim.Adam([{"params": list(part.parameters()), "lr": rate} for part, rate in rates])
        self.chance = torch.Generator(device=model_device(model)).manual_seed(seed)

    def learn(self, reward: Reward, steps: int) -> list[float]:
        """Take steps; the mean reward of the sequences that were drawn for each.

        Raises:
            RewardError: see `Reward`.
        """
        return [self.step(reward) for _ in range(steps)]

    def step(self, reward: Reward) -> float:
        """Draw, ask, and go over the batch `passes` times; the mean reward."""
        choices = self.choices
        made = roll_out(self.policy, choices.batch, self.drawing, self.chance)
        worth = made.worth(reward, choices.invalid)
        with torch.no_grad():
            old, first, before = log_policy(self.policy, made), log_policy(self.prior, made), self.critic(made.batch)
        rewards = -choices.penalty * (old - first)
        rewards[torch.arange(len(worth)), made.batch.last - 1] += worth
        advantages = advantage(rewards, before, choices.discount, choices.trace)
        real = made.batch.real[:, 1:]
        targets = (advantages + before).where(real, 0.0)
        if choices.normalise:
            advantages = (advantages - advantages[real].mean()) / advantages[real].std().clamp_min(1e-6)
        for _ in range(choices.passes):
            loss = self._loss(made, advantages, targets, old, before)
            self.optimiser.zero_grad()
            loss.backward()
            for part in (self.policy, self.critic):
                nn.utils.clip_grad_norm_(part.parameters(), choices.norm)
            self.optimiser.step()
        return float(worth.mean())

    def _loss(self, made: Rollout, advantages: Tensor, targets: Tensor, old: Tensor, before: Tensor) -> Tensor:
        choices, real = self.choices, made.batch.real[:, 1:]
        ratio = (log_policy(self.policy, made) - old).exp()
        bounded = ratio.clamp(1 - choices.clip, 1 + choices.clip)
        gain = torch.minimum(ratio * advantages, bounded * advantages)[real].mean()
        values = self.critic(made.batch)
        near = before + (values - before).clamp(-choices.clip, choices.clip)
        missed = torch.maximum((values - targets).abs(), (near - targets).abs())[real].mean()
        loss = choices.critic * missed - gain
        if self.data is None or not choices.pretraining:
            return loss
        chosen = torch.randint(len(self.data), (choices.batch,), generator=self.chance, device=self.chance.device)
        known = self.data.batch(chosen.tolist()).to(model_device(self.policy))
        return loss + choices.pretraining * self.policy.loss(known)


def advantage(
    rewards: Float[Tensor, "b m"], values: Float[Tensor, "b m"], discount: float, trace: float
) -> Float[Tensor, "b m"]:
    """A_l = d_l + g e A_{l+1} with d_l = r_l + g V_{l+1} - V_l; both are 0 after the end of a row."""
    later = torch.cat([values[:, 1:], torch.zeros_like(values[:, :1])], dim=1)
    change = rewards + discount * later - values
    found, following = [], torch.zeros_like(rewards[:, 0])
    for here in change.T.flip(0):
        following = here + discount * trace * following
        found.append(following)
    return torch.stack(found[::-1], dim=1)
