"""How much probability a model gives to tokens that would break the graph, or a valence.

    L = - mean over places of log sum_{t allowed} p(t)

The semantic loss of a constraint (Xu and others, ICML 2018, arXiv 1711.11157) where the constraint is the grammar. A
likelihood learns from a token that came that it may come; this learns at every place from all tokens that may not.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool
from torch import Tensor

from .batch import NextTokens, SequenceBatch
from .config import GraphConfig
from .drawing import Drawing
from .sample import begun
from .vocabulary import BOC


def unlawful(prediction: NextTokens, batch: SequenceBatch, config: GraphConfig) -> Tensor:
    """Mean of -log p(allowed) over the real tokens that follow another; valences count where bonds are Kekule bonds."""
    chemistry = config.vocabulary.chemistry
    valences = chemistry is not None and chemistry.bonds == "kekule"
    allowed = allowed_tokens(config, batch, Drawing(valences=valences))
    logits = prediction.logits[:, :-1]
    kept = logits[..., : allowed.shape[-1]].masked_fill(~allowed, float("-inf")).logsumexp(-1)
    real = batch.real[:, 1:]
    return (logits.logsumexp(-1) - kept).where(real, 0.0).sum() / real.sum()


@torch.no_grad()
def allowed_tokens(config: GraphConfig, batch: SequenceBatch, drawing: Drawing) -> Bool[Tensor, "b m tokens"]:
    """What the grammar allows at every place after the first."""
    grammar = begun(config, len(batch), drawing, (BOC,), batch.ids.device)
    found = []
    for tokens in batch.ids.T[1:]:
        found.append(grammar.allowed())
        grammar.advance(tokens)
    return torch.stack(found, dim=1)
