"""Embeddings of graphs: what the layers of a model make of their tokens."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from humboldt.foundations import ConfigError, Model

from .batch import SequenceBatch
from .files import read_source
from .reading import batches, readable, sayable


@torch.inference_mode()
def embeddings(
    model: Model,
    source: Any,
    *,
    smiles_column: str | None = None,
    batch_size: int = 64,
    layers: str = "all",
) -> np.ndarray:
    """Embeddings (n, d) of graphs: the mean of the states of their tokens; NaN where a row is not a graph.

    Args:
        model: any model of graphs.
        source, smiles_column, batch_size: as of `predict_properties`.
        layers: means after the embedding and after every layer, side by side (d = (layers + 1) width), or after the
            last layer alone (d = width), whose states have turned into what comes next.
    """
    if layers not in ("all", "last"):
        raise ConfigError(f"embeddings are of all layers or of the last, got layers={layers!r}")
    items = read_source(source, smiles_column).items
    graphs, _ = readable(items, model.config)
    rows = [row for row, graph in enumerate(graphs) if graph is not None]
    scale = model.config.core.scales[0]
    out = np.full((len(items), scale.width * (len(scale.down) + 1 if layers == "all" else 1)), np.nan, np.float32)
    said = [sayable(graphs[row], model.config) for row in rows]  # type: ignore[arg-type]
    for places, batch in batches(said, model.config, batch_size):
        batch = batch.to(next(model.parameters()).device)
        kept = states(model, batch) if layers == "all" else [model.encode(batch).x]
        real = batch.real[..., None]
        means = torch.cat([(x * real).sum(1) for x in kept], dim=1) / real.sum(1)
        out[[rows[place] for place in places]] = means.float().cpu().numpy()
    return out


def states(model: Model, batch: SequenceBatch) -> list[Float[Tensor, "b n d"]]:
    """States of the tokens after the embedding and after every layer, the last ones after the norm at the end."""
    kept: list[Tensor] = []
    heard = [model.embed, *model.core.scales[0].down]
    hooks = [part.register_forward_hook(lambda _module, _given, made: kept.append(made.x)) for part in heard]
    try:
        last = model.encode(batch).x
    finally:
        for hook in hooks:
            hook.remove()
    return [*kept[:-1], last]
