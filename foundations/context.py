"""What the parts of a model may know about one forward pass beside their own input."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from .config import ConfigError
from .tokens import Tokens

TOLD = ("task", "rollout_step", "budget")


def bare(batch: Any) -> Any:
    """The batch of the science's own, of one that carries notes beside it (a task, a signal, features of a teacher)."""
    return getattr(batch, "batch", batch)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode inside of the block; after it, and after an error, the mode that was there before."""
    before = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(before)


class Context:
    """One per model, shared by all that was put into it; a copy of the model has a context of its own.

    What a caller tells with `at` holds inside its block; the rest is of the present forward pass.

    Attributes:
        task: which of several tasks, if somebody told.
        rollout_step: 0 for the first step of a rollout, and outside of one.
        budget: share of tokens that may be used, in (0, 1], if somebody told.
        lead_time: of every sample, where the batch has one.
        signal: what is known of every sample beside its state, where the batch carries it.
        tokens: what the embedding made of the batch; None inside the embedding.
        losses: named scalars that layers want to be added to the loss.
    """

    def __init__(self) -> None:
        self.told: dict[str, Any] = {}
        self.begin(None)

    def begin(self, batch: Any) -> None:
        """Forget the last forward pass; a model calls it with every batch."""
        lead_time = getattr(batch, "lead_time", None)
        self.lead_time = lead_time if isinstance(lead_time, Tensor) else None
        step = getattr(batch, "step", 0)
        self.step_of_batch = step if isinstance(step, int) else 0
        self.task_of_batch = getattr(batch, "task", None)
        self.signal: Float[Tensor, "b s"] | None = getattr(batch, "signal", None)
        self.tokens: Tokens | None = None
        self.losses: dict[str, Tensor] = {}

    @contextmanager
    def at(self, **told: Any) -> Iterator[Context]:
        """Tell the task, the rollout step or the budget of all forward passes inside the block.

        Raises:
            ConfigError: a word that nobody reads, or a budget outside of (0, 1].
        """
        if unknown := told.keys() - set(TOLD):
            raise ConfigError(f"a forward pass is told {', '.join(TOLD)}, got {sorted(unknown)}; use one of these")
        budget = told.get("budget")
        if budget is not None and not 0 < budget <= 1:
            raise ConfigError(f"a budget is a share of the tokens, in (0, 1], got {budget}; a quarter of them is 0.25")
        before, self.told = self.told, {**self.told, **told}
        try:
            yield self
        finally:
            self.told = before

    @property
    def task(self) -> Any:
        return self.told.get("task", self.task_of_batch)

    @property
    def budget(self) -> float | None:
        return self.told.get("budget")

    @property
    def rollout_step(self) -> int:
        return int(self.told.get("rollout_step", self.step_of_batch))

    @property
    def periodic(self) -> tuple[bool, ...]:
        """Which axes of the token grid close on themselves."""
        return () if self.tokens is None else self.tokens.periodic

    @property
    def instance(self) -> Float[Tensor, "b d"] | None:
        """The mean token of every sample, as the embedding made it."""
        return None if self.tokens is None else self.tokens.seen().flatten(1, -2).mean(1)

    def need(self, name: str, reader: str) -> Any:
        """What is called `name`, for a reader that cannot do without; what is known of samples comes once a row of
        tokens, of which a sample may have several (species of a region).

        Raises:
            ConfigError: nobody told it, or of a number of samples that the rows are no multiple of.
        """
        found = getattr(self, name)
        if found is None:
            cure = f"with model.context.at({name}=...): ..." if name in TOLD else f"a batch that carries the {name}"
            raise ConfigError(f"{reader} reads the {name} of a forward pass, got none; use {cure}")
        rows = 0 if self.tokens is None else len(self.tokens.x)
        if isinstance(found, Tensor) and found.dim() and rows > len(found):
            if rows % len(found):
                raise ConfigError(
                    f"every sample has as many rows of tokens, got {rows} rows for a {name} of {len(found)} samples; "
                    "tell one value a sample"
                )
            return found.repeat_interleave(rows // len(found), dim=0)
        return found

    def __deepcopy__(self, memo: dict[int, Any]) -> Context:
        """A fresh context with what was told: tensors of a forward pass belong to their graph."""
        copied = memo[id(self)] = Context()
        copied.told = dict(self.told)
        return copied

    def __reduce__(self) -> tuple[type[Context], tuple[()]]:
        return Context, ()
