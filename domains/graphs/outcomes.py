"""Outcomes of molecules: one pretraining without a reward serves every reward of a property that comes later.

With outcomes (arXiv 2310.03419) nothing is rewarded but to arrive: a model that is told a property y learns the flow

    R(s | y) = p_0(s) exp(-(x(s) - y)^2 / 2 w^2)

by trajectory balance (see `balance`), and its flow Z(y) through the first state. A reward R(y) needs no more training:
draw y in proportion to R(y) Z(y), then a molecule that is told it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from humboldt.foundations import ConfigError, Model

from .balance import Balance, Balanced
from .rewards import Reward
from .rollout import roll_out
from .sample import goal_values


class OutcomeBalance:
    """A policy that learns to reach any value of a property, and how much of the pretrained model's flow goes there.

    Args:
        model: of molecules, told the goal.
        goal: the property; a goal of the model.
        measured: the property of a SMILES; by default what `Reward` calls it.
        width: w, in units of the property.
        choices: numbers of the objective (no `strength`: the width takes its place).
        seed: of all that is drawn.

    Raises:
        ConfigError: a goal that the model does not know, or no width.
    """

    def __init__(
        self,
        model: Model,
        goal: str,
        measured: Reward | None = None,
        *,
        width: float,
        choices: Balanced | None = None,
        seed: int = 0,
    ) -> None:
        if not width > 0:
            raise ConfigError(f"an outcome is reached within a width, got {width}")
        goal_values(model.config, {goal: 0.0})
        self.way = Balance(model, choices, seed=seed)
        self.place = [known.name for known in model.config.goals].index(goal)
        self.goal, self.measured, self.width = model.config.goals[self.place], measured or Reward(goal), width

    @property
    def policy(self) -> Model:
        """The model that is told outcomes."""
        return self.way.policy

    def learn(self, steps: int, spread: float = 1.5) -> list[float]:
        """Take steps; mean distances of what was drawn from what was asked for.

        Outcomes that are asked for are normal around the goal's mean, `spread` of its deviations wide.
        """
        way, distances = self.way, []
        for _ in range(steps):
            normal = torch.randn(way.choices.batch, generator=way.chance, device=way.chance.device)
            asked = self.goal.mean + spread * self.goal.deviation * normal
            made = roll_out(way.policy, len(asked), way.drawing, way.chance, self.goals(asked))
            measured = made.worth(self.measured, float("nan"))
            away = (measured - asked).abs().nan_to_num(4 * self.width)
            way.descend(made, -0.5 * (away / self.width).square().clamp_max(50.0), self._told(asked))
            distances.append(float(away.mean()))
        return distances

    def goals(self, outcomes: Float[Tensor, " b"]) -> Float[Tensor, "b g"]:
        """What the model is told: the outcome, and none of the other goals."""
        told = outcomes.new_full((len(outcomes), len(self.policy.config.goals)), float("nan"))
        told[:, self.place] = outcomes
        return told

    def outcomes(
        self, reward: Callable[[Tensor], Tensor], candidates: Float[Tensor, " k"], count: int, chance: torch.Generator
    ) -> Float[Tensor, " n"]:
        """Outcomes for a reward of them, in proportion to R(y) Z(y), for `roll_out` with `goals`; nothing is trained.

        Raises:
            ConfigError: no candidate has a reward.
        """
        with torch.no_grad():
            flow = self.way.partition(self._told(candidates))
        weight = reward(candidates) * (flow - flow.max()).exp()
        if not float(weight.sum()) > 0:
            raise ConfigError(f"one of the outcomes has a reward above 0, got none of {candidates.tolist()[:8]}")
        return candidates[torch.multinomial(weight, count, replacement=True, generator=chance)]

    def _told(self, outcomes: Tensor) -> Tensor:
        return (outcomes - self.goal.mean) / self.goal.deviation
