"""Embeddings of graphs and molecules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from humboldt.foundations import ConfigError, Model

from .adapting import load
from .registry import face


def embed(source: Any, model: Model | str | Path = "humboldt/molecules-nano", **choices: Any) -> Any:
    """Embeddings (n, d) of graphs or molecules, NaN where a row is none.

    Args:
        source: SMILES, molecules, a table or a file: whatever `humboldt.open` reads as graphs.
        model: a model of graphs, or what `from_pretrained` takes.
        choices: `smiles_column`, `batch_size`.

    Raises:
        ConfigError: a model of another domain.
    """
    started = load(model)
    if started.domain != "graphs":
        raise ConfigError(f"embeddings are of graphs, got a model of {started.domain}; take model.encode(batch)")
    return face("graphs").embeddings(started, source, **choices)
