"""What a model of graphs is built from; it travels in the checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from humboldt.foundations import ConfigError, CoreConfig

from .sequence import Ordering
from .vocabulary import Vocabulary

DEFAULT = Ordering()


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A property that generation can be told.

    Attributes:
        name: of the property, as its column is called in the data.
        units: CF units.
        mean, deviation: the model is told (value - mean) / deviation.
    """

    name: str
    units: str = "1"
    mean: float = 0.0
    deviation: float = 1.0

    def __post_init__(self) -> None:
        if not self.deviation > 0:
            raise ConfigError(f"the deviation of a goal is positive, got {self.deviation} for {self.name}")


@dataclass(frozen=True, kw_only=True)
class Readout:
    """Properties that are predicted instead of the next token.

    Attributes:
        names: of the properties, as their columns are called in the data.
        task: `regression`, or `classification`, each property yes (1) or no (0).
        dropout: share of features that is dropped in training.
        pooling: what stands for the graph: the state of its `last` token, as published, the `mean` of all of them, or
            their means after the embedding and every layer, normed, side by side (`layers`).
    """

    names: tuple[str, ...]
    task: Literal["regression", "classification"]
    dropout: float = 0.5
    pooling: Literal["last", "mean", "layers"] = "last"

    def __post_init__(self) -> None:
        if not self.names:
            raise ConfigError("a readout predicts at least one property, got none; open the data with targets=[...]")


@dataclass(frozen=True, kw_only=True)
class GraphConfig:
    """A causal decoder over the tokens of a vocabulary.

    Attributes:
        vocabulary: what a sequence is made of.
        core: the shared core: one causal scale over one axis; its condition is two numbers per goal.
        length: the most tokens of a sequence (learned positions).
        rows: of the embedding table; those beyond the vocabulary are spare, as in the published models.
        ordering: which sequences of a graph it is trained on.
        goals: properties that the norms are told.
        goal_dropout: probability with which each goal of a sequence is hidden in training, so that the model also knows
            how to go on without it (classifier-free guidance, arXiv 2207.12598).
        readout: properties that are predicted; None for a model that generates.
        lawful: weight in training of the probability of tokens that would break the graph or a valence (`unlawful`).
    """

    vocabulary: Vocabulary
    core: CoreConfig
    length: int
    rows: int
    ordering: Ordering = DEFAULT
    goals: tuple[Goal, ...] = ()
    goal_dropout: float = 0.1
    readout: Readout | None = None
    lawful: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.goal_dropout <= 1:
            raise ConfigError(f"goal_dropout is a probability in [0, 1], got {self.goal_dropout}")
        if self.lawful < 0:
            raise ConfigError(f"a weight of the loss is not negative, got lawful={self.lawful}; 0 leaves it out")
        if self.rows < len(self.vocabulary):
            raise ConfigError(
                f"an embedding has a row per token, got rows={self.rows} for {len(self.vocabulary)} tokens; add some"
            )
        order = self.ordering
        if self.vocabulary.spelling == "growth" and (
            order.edges not in ("bfs", "dfs") or order.components != "all" or order.numbering != "discovery"
        ):
            raise ConfigError(
                f"a graph grows from node to node, breadth or depth first, got {order}; take Ordering(edges='bfs')"
            )
        scale = self.core.scales[0]
        if self.core.axes != 1 or not all(b.attention.causal for b in (*scale.down, *scale.up)):
            raise ConfigError(
                "sequences are read by causal attention over one axis, got another core; use decoder_core"
            )
        if self.core.condition != 2 * len(self.goals):
            raise ConfigError(
                f"a goal is told by its value and whether it is given, got condition={self.core.condition} "
                f"for {len(self.goals)} goals; set it to {2 * len(self.goals)}"
            )
