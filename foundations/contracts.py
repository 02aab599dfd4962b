"""The few interfaces that every science and every way to adapt share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar, final, runtime_checkable

import torch
from torch import Tensor, nn

from .context import Context, bare
from .core import Core
from .pieces import Pieces
from .scores import Score
from .tokens import Tokens


@runtime_checkable
class Batch(Protocol):
    """What flows into a model: a frozen, named value that checks itself; every method returns a new one."""

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Batch:
        """The same batch on another device."""
        ...

    def __len__(self) -> int:
        """Number of samples."""
        ...


@runtime_checkable
class Prediction(Protocol):
    """What flows out of a model, in physical units."""

    def __len__(self) -> int:
        """Number of samples."""
        ...


B = TypeVar("B", bound=Batch)
P = TypeVar("P", bound=Prediction)


class Embed(nn.Module, ABC, Generic[B]):
    """From a batch in physical units to tokens."""

    @abstractmethod
    def forward(self, batch: B) -> Tokens:
        """Normalise, cut into tokens, attach the condition."""


class Head(nn.Module, ABC, Generic[B, P]):
    """From tokens to a prediction in physical units; the loss belongs to the head."""

    @abstractmethod
    def forward(self, tokens: Tokens, batch: B) -> P:
        """Predict, in physical units."""

    @abstractmethod
    def loss(self, prediction: P, batch: B) -> Tensor:
        """A scalar to minimise; `batch` carries the target."""

    def approach(self, model: Model, batch: B) -> B:
        """The batch whose loss is taken: as it is, or of a rollout a later one, made by the model's own predictions."""
        return batch

    def onward(self, prediction: P, batch: B) -> B | None:
        """The batch with the prediction as its state and the target as it is, for training that goes to a target in
        several steps; None where a prediction is no state."""
        return None


@final
class Model(nn.Module):
    """The only composition: head(core(embed(batch)), batch).

    Args:
        embed: batch to tokens.
        core: tokens to tokens.
        head: tokens to prediction.
        domain: name of the domain that built it.
        config: the frozen dataclass that rebuilds it through that domain.
        provenance: JSON-ready record of where the weights come from (data, recipe, seed, parent's content hash).

    Attributes:
        context: what its parts may know of the present forward pass.
        adapted: by name of the adapter, the description of the method that put it in.
    """

    def __init__(
        self,
        embed: Embed,
        core: Core,
        head: Head,
        *,
        domain: str = "",
        config: Any = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.embed, self.core, self.head = embed, core, head
        self.domain, self.config = domain, config
        self.provenance: dict[str, Any] = dict(provenance or {})
        self.context = Context()
        self.adapted: dict[str, dict[str, Any]] = {}

    def forward(self, batch: Any) -> Any:
        """Predict in physical units."""
        return self.head(self.encode(batch), bare(batch))

    def encode(self, batch: Any) -> Tokens:
        """What the core makes of a batch: run once, reused by many heads. A batch that carries its `tokens` has been
        encoded."""
        self.context.begin(batch)
        if isinstance(known := getattr(batch, "tokens", None), Tokens):
            return known
        tokens = self.embed(bare(batch))
        self.context.tokens = tokens
        return self.core(tokens)

    def loss(self, batch: Any) -> Tensor:
        """The head's loss of the prediction for `batch`, which carries the target."""
        batch = self.head.approach(self, batch)
        return self.head.loss(self(batch), bare(batch))

    def with_head(self, head: Head) -> Model:
        """The same embedding and core (shared, not copied) under another head."""
        other = Model(self.embed, self.core, head, domain=self.domain, config=self.config, provenance=self.provenance)
        other.context, other.adapted = self.context, self.adapted
        return other

    def save(self, folder: Any) -> Any:
        """Write `config.json` and `model.safetensors` into `folder`, atomically; returns the folder."""
        from .checkpoint import save

        return save(self, folder)

    def __repr__(self) -> str:
        count = sum(p.numel() for p in self.parameters())
        return f"<{self.domain or 'humboldt'} model, {count:,} parameters>"


@runtime_checkable
class Dataset(Protocol):
    """Samples of one domain; `batch` collates indices into one batch, `split` gives a named part."""

    def __len__(self) -> int:
        """Number of samples."""
        ...

    def batch(self, indices: Sequence[int]) -> Any:
        """The samples with these indices as one Batch."""
        ...

    def split(self, name: str) -> Dataset:
        """The part called `train`, `validation` or `test`."""
        ...

    def take(self, count: int) -> Dataset:
        """The first `count` independent units (trajectories, sites, molecules) of this part."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """JSON-ready: variables, units, sizes, splits, fingerprint."""
        ...


@runtime_checkable
class Metric(Protocol):
    """A score of a prediction against a target, per sample."""

    def __call__(self, prediction: Any, batch: Any) -> Tensor:
        """One value per sample (and group)."""
        ...


@runtime_checkable
class Scores(Protocol):
    """What an evaluation found."""

    @property
    def scores(self) -> Any:
        """The scores as an xarray Dataset with a dimension `forecast`: the models, and what needs no model."""
        ...

    def datasets(self) -> Mapping[str, Any]:
        """Everything that was found as xarray Datasets, by the name of the file to write: `scores`, `spectra`, ..."""
        ...

    def text(self) -> str:
        """The scores that are looked at first, as plain text."""
        ...

    def rows(self) -> list[dict[str, Any]]:
        """JSON-ready: a row a forecast, lead time, channel and so on; None where there is no score."""
        ...


@runtime_checkable
class Domain(Protocol):
    """One small object per science, through which the door and the methods reach it."""

    name: str

    def open(self, source: Any, *, split: str | None = None, **choices: Any) -> Any:
        """A path, URL, xarray object or catalog name as a dataset of this domain."""
        ...

    def fitted(self, model: Model, data: Any, task: str, *, seed: int = 0) -> Model:
        """A model with the channels, the statistics and the horizon of a training part, and the head of a task."""
        ...

    def arranged(self, data: Any, model: Model) -> Any:
        """A part as a model takes it: in its order of channels, in its vocabulary."""
        ...

    def with_statistics(self, model: Model, statistics: Sequence[Any]) -> Model:
        """A model with the statistics of several training parts, which count alike."""
        ...

    def evaluate(self, models: Mapping[str, Model], data: Any, **choices: Any) -> Scores:
        """Scores of models on a part, beside what needs no model."""
        ...

    def measure(self, model: Model, data: Any, *, lead_steps: Sequence[int] | None = None) -> Score | None:
        """One number for a model on a part that is arranged for it, lower is better; None where this kind of model has
        no score on these data but the loss of its head."""
        ...

    def read(self, path: str, select: Mapping[str, int]) -> Any:
        """What `predict` takes, from a file, at chosen places along its dimensions."""
        ...

    def predict(self, model: Model, source: Any, lead_times: Sequence[float] = (), **choices: Any) -> Any:
        """Labelled predictions of labelled data."""
        ...

    def pieces(
        self, model: Model, source: Any, lead_times: Sequence[float] = (), *, along: str | None = None, **choices: Any
    ) -> Pieces | None:
        """The same in pieces, cut along a dimension of the source; None where it is made at once."""
        ...

    def build(self, config: Any) -> Model:
        """A model with fresh weights from a config (dataclass, or the dictionary that a checkpoint holds)."""
        ...

    def head(self, task: str, model: Model, **choices: Any) -> Head:
        """A head for a task."""
        ...

    def metrics(self) -> Mapping[str, Metric]:
        """The field's own scores, by name."""
        ...

    def to_xarray(self, prediction: Any, batch: Any) -> Any:
        """A labelled object with units and coordinates."""
        ...

    def program(self, model: Model) -> Any:
        """The class of `Program` that makes a function of plain tensors of a model."""
        ...
