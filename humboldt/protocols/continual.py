"""One data set after another: what is forgotten, and what is carried forward.

E[i, j] is the error on the data j after learning the first i of them (row 0: before any); lower is better. Forgetting
of j is E[last, j] - min over i >= j of E[i, j]; forward transfer to j is E[0, j] - E[j - 1, j], what learning the
others before was worth (after GEM, arXiv 1706.08840, for errors instead of accuracies).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from humboldt.foundations import Model

from ..measuring import measure
from ..results import Result, digest, fingerprint, provenance
from .states import ProtocolError


@dataclass(frozen=True)
class Course:
    """Errors along a sequence of data sets, see the module."""

    errors: Float[np.ndarray, "stages tasks"]

    def __post_init__(self) -> None:
        rows, columns = self.errors.shape
        if columns < 2 or rows != columns + 1:
            raise ProtocolError(
                f"a sequence has two data sets or more and a row before the first, got errors of shape {rows, columns}"
            )

    @property
    def forgetting(self) -> Float[np.ndarray, " later"]:
        """Of every data set but the last; never negative."""
        last = self.errors.shape[1] - 1
        return np.array([self.errors[-1, j] - self.errors[j + 1 :, j].min() for j in range(last)])

    @property
    def forward(self) -> Float[np.ndarray, " later"]:
        """To every data set but the first; negative where what was learned before was in the way."""
        return np.array([self.errors[0, j] - self.errors[j, j] for j in range(1, self.errors.shape[1])])

    @property
    def final(self) -> float:
        """The mean error on all data sets at the end."""
        return float(self.errors[-1].mean())


def along(
    start: Any,
    data: Sequence[Any],
    learn: Callable[[Any, Any], Any],
    *,
    lead_steps: Sequence[int] | None = None,
) -> tuple[Course, Any]:
    """Errors along a sequence, and the model at its end.

    Args:
        start: before any.
        data: datasets with training and test parts, in the order in which they are learned.
        learn: (model, dataset) to the model that has learned it too.
        lead_steps: frames ahead that are scored (PDEs).

    Raises:
        ProtocolError: fewer than two data sets.
    """
    if len(data) < 2:
        raise ProtocolError(f"a sequence has two data sets or more, got {len(data)}; name another")
    model, rows = start, []
    for stage in range(len(data) + 1):
        model = model if stage == 0 else learn(model, data[stage - 1])
        rows.append([measure(model, task.split("test"), lead_steps=lead_steps).value for task in data])
    return Course(np.array(rows)), model


def continual(
    starts: dict[str, Model],
    data: dict[str, Any],
    learn: Callable[[Model, Any], Model],
    *,
    name: str = "model",
    method: str = "full",
    seed: int = 0,
    lead_steps: Sequence[int] | None = None,
) -> Iterator[Result]:
    """Forgetting, forward transfer and the final error, for the model (`none`) and its control (`random`).

    Args:
        starts: models before any data.
        data: datasets by name, in order.
        learn: as in `along`.
        name, method, seed, lead_steps: as in the other protocols.
    """
    for which, start in starts.items():
        found, model = along(start, list(data.values()), learn, lead_steps=lead_steps)
        last = list(data.values())[-1]
        metric = measure(model, last.split("test"), lead_steps=lead_steps)
        origin = provenance(model, last, seed=seed) | {"data_version": digest([fingerprint(d) for d in data.values()])}
        values = {
            "forgetting": (float(found.forgetting.mean()), "lower"),
            "forward transfer": (float(found.forward.mean()), "higher"),
            "final error": (found.final, "lower"),
        }
        for word, (value, better) in values.items():
            yield Result(
                protocol="continual",
                model=name,
                method=method,
                control=which == "random",
                data=" > ".join(data),
                metric=f"{word} of: {metric.metric}",
                unit=metric.unit,
                value=value,
                better=better,  # type: ignore[arg-type]
                settings={"errors": found.errors.round(6).tolist()},
                **origin,
            )
