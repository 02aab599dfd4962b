"""Golden cases of G2PT: logits, losses, hidden states, greedy sequences, optimiser steps, and the tables of sequences.

A case is a folder (`config.json`, `weights.safetensors`, `inputs.safetensors`) or a table (`tokenise.json`,
`decode.json`), of which only what goes in is read: graphs and chance, or token sequences.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from humboldt.domains.graphs import (
    PUBLISHED,
    Chemistry,
    Graph,
    SequenceBatch,
    Vocabulary,
    decode,
    decode_molecule,
    encode_with,
    graph_from_smiles,
    is_published,
    model_from_published,
    published_ordering,
    state_to_published,
    token_losses,
)
from humboldt.foundations import Model, read_config

recognises = is_published
GREEDY = 40
DECODERS = {"plain": False, "charged": True}  # whether the charge rule holds


def replay(case: Path, dtype: torch.dtype) -> dict[str, Tensor]:
    """Run one case: what its README names, under those names."""
    fields = read_config(case)
    model = model_from_published(fields, load_file(case / "weights.safetensors")).to(dtype).eval()
    inputs = load_file(case / "inputs.safetensors")
    batch = SequenceBatch(inputs["input_ids"], inputs["attention_mask"].bool())
    found = train(model, batch, fields) if "optimizer" in fields or "lrs" in fields else read(model, batch)
    return {name: value.detach().contiguous().clone() for name, value in found.items()}


@torch.no_grad()
def read(model: Model, batch: SequenceBatch) -> dict[str, Tensor]:
    """Logits, losses, the vector of the last token before and after the last norm, and a greedy sequence."""
    before: list[Tensor] = []
    norm: Any = model.core.norm
    hook = norm.register_forward_pre_hook(lambda _, given: before.append(given[0]))
    tokens = model.encode(batch)
    hook.remove()
    prediction = model.head(tokens, batch)
    rows = torch.arange(len(batch))
    return {
        "logits": prediction.logits,
        "loss": model.head.loss(prediction, batch).reshape(1),
        "nll": token_losses(prediction, batch),
        "last_hidden_before_norm": before[0][rows, batch.last],
        "last_hidden_after_norm": tokens.x[rows, batch.last],
        "greedy_ids": greedy(model),
    }


def greedy(model: Model) -> Tensor:
    """The most probable token, time after time, from token 0."""
    ids = torch.zeros(1, 1, dtype=torch.long)
    for _ in range(min(GREEDY, model.config.length)):
        logits = model(SequenceBatch(ids, torch.ones_like(ids, dtype=torch.bool))).logits
        ids = torch.cat([ids, logits[:, -1:].argmax(-1)], dim=1)
    return ids


def train(model: Model, batch: SequenceBatch, fields: dict[str, Any]) -> dict[str, Tensor]:
    """Steps of the published optimiser on one batch: losses, norms of the gradients, weights afterwards."""
    parameters = list(model.parameters())
    decayed, rest = ([p for p in parameters if (p.dim() >= 2) is big] for big in (True, False))
    groups = [{"params": decayed, "weight_decay": fields["weight_decay"]}, {"params": rest, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=1.0, betas=tuple(fields["betas"]), eps=fields.get("eps", 1e-8))
    losses, norms = [], []
    for rate in rates(fields):
        for group in optimiser.param_groups:
            group["lr"] = rate
        loss = model.loss(batch)
        optimiser.zero_grad()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(parameters, fields["grad_clip"]))
        optimiser.step()
        losses.append(loss.detach())
    hub = model.provenance["published_layout"] == "hub"
    after = state_to_published(model.state_dict(), model.config, hub)
    return {"losses": torch.stack(losses), "grad_norms": torch.stack(norms)} | {
        f"after.{name}": value for name, value in after.items()
    }


def rates(fields: dict[str, Any]) -> list[float]:
    """The rates that were used: the highest at the first step, then a linear rise and a cosine."""
    if "lrs" in fields:
        return list(fields["lrs"])
    high, low, warmup = fields["learning_rate"], fields["min_lr"], fields["warmup_iters"]

    def rate(step: int) -> float:
        if step < warmup:
            return high * step / warmup
        done = min(1.0, (step - warmup) / (fields["lr_decay_iters"] - warmup))
        return low + 0.5 * (1 + math.cos(math.pi * done)) * (high - low)

    return [high, *(rate(step) for step in range(1, fields["steps"]))]


def replay_table(path: Path) -> dict[str, Any]:
    """The table with what we make of its cases in place of what it says of them."""
    table = json.loads(path.read_text())
    tokenised = any("bfs" in case or "deg" in case for case in table["cases"])
    return {**table, "cases": [(tokenise if tokenised else untokenise)(case) for case in table["cases"]]}


def tokenise(case: dict[str, Any]) -> dict[str, Any]:
    """The sequences of a graph in both orders for the given chance, and what becomes of them."""
    vocabulary = PUBLISHED[case["dataset"]]
    graph = read_graph(case, vocabulary)
    return case | {
        order: case[order] | _sequence(graph, vocabulary, case, order) for order in ("bfs", "deg") if order in case
    }


def read_graph(case: dict[str, Any], vocabulary: Vocabulary) -> Graph:
    """The graph as it is listed, or of its SMILES."""
    if "nodes" not in case:
        assert vocabulary.chemistry is not None
        return graph_from_smiles(case["smiles"], vocabulary.chemistry)
    edges = tuple((a, b, vocabulary.edges[kind]) for a, b, kind in case["edges"])
    return Graph(tuple(case["nodes"]), edges)


def _sequence(graph: Graph, vocabulary: Vocabulary, case: dict[str, Any], order: Any) -> dict[str, Any]:
    chance = iter(case[order].get("draws", ()))
    ordering, permutation = published_ordering(order), case[order]["permutation"]
    ids = encode_with(graph, vocabulary, ordering, permutation, lambda below: next(chance))
    found: dict[str, Any] = {"text": vocabulary.text(ids), "ids": ids}
    if vocabulary.chemistry is None:
        pairs = sorted(sorted(edge[:2]) for edge in decode(ids, vocabulary, lenient=True).edges)
        return found | {"decoded_edges": pairs}
    return found | {"decoded": dict(decoded(ids, vocabulary))}


def untokenise(case: dict[str, Any]) -> dict[str, Any]:
    """What both published decoders make of a sequence."""
    vocabulary = PUBLISHED[case["dataset"]]
    return case | dict(decoded(words(case["text"], vocabulary), vocabulary))


def words(text: str, vocabulary: Vocabulary) -> list[int]:
    """Token numbers; a word that is none of them becomes a token that belongs nowhere."""
    return [vocabulary.ids.get(word, vocabulary.ids["[UNK]"]) for word in text.split()]


def decoded(ids: list[int], vocabulary: Vocabulary) -> Iterator[tuple[str, dict[str, Any]]]:
    """Status and SMILES by each decoder."""
    chemistry = vocabulary.chemistry or Chemistry(bonds="aromatic", atoms="element")
    for name, charged in DECODERS.items():
        result = decode_molecule(ids, replace(vocabulary, chemistry=replace(chemistry, charge_rule=charged)))
        yield name, {"status": result.status, "smiles": result.smiles}
