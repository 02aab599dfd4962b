"""How a round of design learns: from the best of what was drawn, or from its own draws by a policy objective."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from humboldt.domains.graphs import PPO, Balance, Balanced, Drawing, Proximal, Reward, arranged, open_graphs
from humboldt.finetune import Recipe, fit, weights_hash
from humboldt.foundations import ConfigError, Model, from_dict, to_dict


@dataclass(frozen=True)
class Learned:
    """What a round of training made.

    Attributes:
        model: tuned.
        threshold: the least reward that was learned from, where a method has one.
        kept: molecules that were learned from.
    """

    model: Model
    threshold: float | None = None
    kept: int = 0


class DesignMethod(Protocol):
    """Goes on with a model round by round."""

    def improve(self, measured: dict[str, float], reward: Reward, number: int) -> Learned:
        """One round.

        Args:
            measured: molecules that were drawn since the last round, with their rewards.
            reward: to ask for more.
            number: of the round.
        """
        ...


class Rejection:
    """Rejection-sampling fine-tuning with a rising threshold (self-bootstrap; G2PT, arXiv 2501.01073, section 3.4).

    Each round trains on the best `keep` of all different molecules that were found so far, from the weights of the
    round before.

    Raises:
        ConfigError: a share outside (0, 1], or an unknown field of `Recipe`.
    """

    def __init__(
        self, model: Model, drawing: Drawing, seed: int, progress: bool, keep: float = 0.25, **recipe: Any
    ) -> None:
        if not 0 < keep <= 1:
            raise ConfigError(f"keep is a share in (0, 1], got {keep}")
        self.model, self.keep, self.progress = model, keep, progress
        self.recipe = Recipe().replace(**{**RECIPE, **recipe}, seed=seed)
        self.found: dict[str, float] = {}

    def improve(self, measured: dict[str, float], reward: Reward, number: int) -> Learned:
        """Fit to the best."""
        self.found.update(measured)
        kept = best_of(self.found, self.keep)
        data = open_graphs(kept, vocabulary=self.model.config.vocabulary, split={"test": 0, "validation": 0})
        run = {"reward": reward.name, "round": number}
        data = arranged(data, self.model)
        self.model = fit(self.model, data, None, self.recipe, None, run=run, progress=self.progress)
        return Learned(self.model, min(self.found[smiles] for smiles in kept), len(kept))


class Steps:
    """So many steps of a policy objective a round.

    Raises:
        ConfigError: less than one step.
    """

    def __init__(self, name: str, way: PPO | Balance, steps: int, seed: int) -> None:
        if steps < 1:
            raise ConfigError(f"a round has 1 step at least, got {steps}")
        self.name, self.way, self.steps, self.seed = name, way, steps, seed

    def improve(self, measured: dict[str, float], reward: Reward, number: int) -> Learned:
        """Draw and learn."""
        self.way.learn(reward, self.steps)
        self.way.policy.provenance = {
            "parent": weights_hash(self.way.prior),
            "recipe": {"method": self.name, "reward": reward.name, **to_dict(self.way.choices)},
            "steps": (number + 1) * self.steps,
            "seed": self.seed,
        }
        return Learned(self.way.policy)


def proximal(
    model: Model, drawing: Drawing, seed: int, progress: bool, steps: int = 25, data: Any = None, **choices: Any
) -> Steps:
    """Proximal policy optimisation, with `data` for the loss of pretraining."""
    return Steps("ppo", PPO(model, from_dict(Proximal, choices), drawing, data, seed), steps, seed)


def balance(model: Model, drawing: Drawing, seed: int, progress: bool, steps: int = 50, **choices: Any) -> Steps:
    """Trajectory balance relative to the model."""
    return Steps("balance", Balance(model, from_dict(Balanced, choices), drawing, seed), steps, seed)


DESIGN_METHODS: dict[str, Callable[..., DesignMethod]] = {
    "rejection": Rejection,
    "ppo": proximal,
    "balance": balance,
}
"""By the name that `design` is told."""

RECIPE: dict[str, Any] = {
    "steps": 100, "batch_size": 32, "optimiser": "muon", "core_rate": 1e-3, "embedding_rate": 5e-4, "norm_rate": 5e-4,
    "warmup": 10, "clip": 1.0,
}  # fmt: skip
"""Of a round of rejection, where nothing else is said."""


def best_of(found: dict[str, float], share: float) -> list[str]:
    """The best molecules, at least one."""
    ordered = sorted(found, key=lambda smiles: -found[smiles])
    return ordered[: max(1, round(share * len(ordered)))]
