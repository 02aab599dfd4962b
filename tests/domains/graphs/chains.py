"""A policy whose sequences can be counted: chains and rings of at most three atoms of carbon and oxygen."""

from __future__ import annotations

import torch
from torch import Tensor

from humboldt.domains.graphs import (
    Chemistry,
    Drawing,
    Goal,
    GraphConfig,
    SequenceBatch,
    Vocabulary,
    build,
    decode_molecule,
    decoder_core,
)
from humboldt.domains.graphs.rollout import Rollout, allowed_tokens, log_policy
from humboldt.domains.graphs.sample import begun
from humboldt.domains.graphs.vocabulary import BOC, EOG
from humboldt.foundations import Model

DRAWING = Drawing(valences=True)


def chains(goals: tuple[Goal, ...] = ()) -> Model:
    """Fresh weights of one layer."""
    vocabulary = Vocabulary(
        name="few", indices=3, nodes=("C", "O"), edges=("SINGLE",), spelling="growth", chemistry=Chemistry()
    )
    torch.manual_seed(0)
    core = decoder_core(layers=1, heads=2, width=16, condition=2 * len(goals))
    config = GraphConfig(vocabulary=vocabulary, core=core, length=6, rows=len(vocabulary), goals=goals)
    return build(config).eval()


def everything(model: Model) -> Rollout:
    """All sequences that the grammar and the valences allow."""
    config = model.config
    ended: list[list[int]] = []
    going: list[list[int]] = [[BOC]]
    while going:
        grammar = begun(config, len(going), DRAWING, (BOC,), torch.device("cpu"))
        for tokens in torch.tensor(going).T[1:]:
            grammar.advance(tokens)
        allowed = [row.nonzero().squeeze(1).tolist() for row in grammar.allowed()]
        longer = [[*ids, token] for ids, tokens in zip(going, allowed, strict=True) for token in tokens]
        ended += [ids for ids in longer if ids[-1] == EOG]
        going = [ids for ids in longer if ids[-1] != EOG]
    batch = SequenceBatch.of(ended, config.vocabulary.pad)
    smiles = tuple(decode_molecule(ids, config.vocabulary).smiles for ids in ended)
    return Rollout(batch, smiles, allowed_tokens(config, batch, DRAWING), len(config.vocabulary))


@torch.no_grad()
def probabilities(model: Model, every: Rollout) -> Tensor:
    """Of all sequences."""
    return log_policy(model, every).sum(1).double().exp()


def oxygens(smiles: str) -> float:
    """A reward: the number of oxygen atoms."""
    return float(smiles.count("O"))
