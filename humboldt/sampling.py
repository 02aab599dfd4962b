"""Draw from a generative model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from humboldt.foundations import ConfigError, Model

from .adapting import load
from .registry import face


def sample(
    model: Model | str | Path,
    count: int,
    *,
    output: str | Path | None = None,
    goals: Mapping[str, float] | None = None,
    batch_size: int = 256,
    overwrite: bool = False,
    progress: bool = True,
    **drawing: Any,
) -> Any:
    """Graphs or molecules drawn from a model.

    Args:
        model: a model, or what `from_pretrained` takes.
        count: number of samples.
        output: CSV file, written batch by batch; the same call goes on after an interruption.
        goals: properties that are asked for, in their units, where the model was trained with them.
        batch_size: sequences at a time.
        overwrite: replace a file that was made in another way.
        progress: show a progress bar on a terminal.
        drawing: fields of `humboldt.domains.graphs.Drawing`: temperature, top_k, top_p, constrained, valences,
            guidance, seed.

    Returns:
        The drawn sequences with their log-likelihoods; with `output`, the counts of what was written.

    Raises:
        ConfigError: a model that nothing can be drawn from, or a setting that does not exist.
    """
    from humboldt.foundations import from_dict

    started = load(model)
    science = face(started.domain)
    if not hasattr(science, "sample_sequences"):
        raise ConfigError(f"samples are drawn from models of graphs, got one of {started.domain}; see predict")
    settings = from_dict(science.Drawing, drawing)
    if output is not None:
        chosen: dict[str, Any] = {"batch_size": batch_size, "goals": goals}
        return science.stream(started, count, output, settings, overwrite=overwrite, progress=progress, **chosen)
    batches = science.sample_sequences(started, count, settings, batch_size=batch_size, goals=goals)
    return [sampled for batch in batches for sampled in batch]
