"""What do drawing graphs and training on them cost, against GPT-2 of the transformers library of the same size?

    python benchmarks/graphs.py [--quick] [--threads 1] --json FILE

The published small size (6 layers, 6 heads, width 384) with the vocabulary of QM9 and random weights. Drawing: the peer
generates with its cache up to the most tokens, as the published code does, ours with its grammar until the end tokens.
Random weights end sequences sooner than trained ones, so the cost is that of a token; what is gained by not going on
behind the end (85 tokens to about 66 for real molecules) is not counted, and that the batch shrinks early, so that the
last tokens are dear, counts against ours. Molecules: those of `humboldt/molecules-nano`, which says a molecule as it
grows, until their end tokens and with valences kept, against a peer of its size that writes as many tokens as the
published spelling takes for these molecules in the mean (a real batch goes on to the longest). Training: forward and
backward passes of 32 molecules, the peer's padded to the longest of a random batch, ours with molecules of similar
lengths. The least CPU seconds of interleaved turns; notes in `notes_graphs.md`.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import humboldt
from humboldt.domains.graphs import Drawing, build, decode, g2pt, graph_from_smiles, open_graphs, sample_sequences
from humboldt.foundations import Model

PEER = "transformers GPT-2"
SMILES = (
    "CCO",
    "c1cc[nH]c1",
    "CC(=O)N",
    "C1CC1",
    "OC=O",
    "N#CC",
    "CCCCCC",
    "CNCCO",
    "c1ccoc1",
    "CC(C)CC=O",
    "CC1CCC1O",
)


def peer(config: Any) -> Any:
    """GPT-2 of the same size, without dropout."""
    from transformers import GPT2Config, GPT2LMHeadModel

    scale = config.core.scales[0]
    sizes = {"n_layer": len(scale.down), "n_head": scale.down[0].attention.heads, "n_embd": scale.width}
    pad = config.vocabulary.pad
    fields = GPT2Config(
        vocab_size=config.rows, n_positions=config.length, **sizes, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        bos_token_id=0, eos_token_id=pad, pad_token_id=pad,
    )  # fmt: skip
    return GPT2LMHeadModel(fields).eval()


def least(runs: list[Callable[[], Any]], turns: int) -> list[float]:
    """Least CPU seconds of each, in turns."""
    found: list[list[float]] = [[] for _ in runs]
    for _ in range(turns):
        for run, times in zip(runs, found, strict=True):
            start = time.process_time()
            run()
            times.append(time.process_time() - start)
    return [min(times) for times in found]


def drawing(model: Model, other: Any, batch: int, turns: int, kind: str = "") -> dict[str, Any]:
    """CPU milliseconds a token; `kind` is said of the case."""
    config, tokens = model.config, 0

    def ours() -> None:
        nonlocal tokens
        drawn = [one for part in sample_sequences(model, batch, Drawing(), batch_size=batch) for one in part]
        tokens = sum(len(one.ids) - 1 for one in drawn)

    def theirs() -> None:
        prompt = torch.zeros(batch, 1, dtype=torch.long)
        mask = torch.ones_like(prompt)
        other.generate(prompt, attention_mask=mask, do_sample=True, top_k=0, max_length=config.length)

    a, b = least([ours, theirs], turns)
    return row(f"draw, batch {batch}{kind}", 1e3 * a / tokens, 1e3 * b / (batch * (config.length - 1)), "CPU ms/token")


def molecules(batch: int, turns: int) -> dict[str, Any]:
    """CPU milliseconds a molecule, of a model that has learned what a molecule is."""
    model = humboldt.from_pretrained("humboldt/molecules-nano").eval()
    vocabulary, kept = model.config.vocabulary, Drawing(valences=True)
    (first,) = sample_sequences(model, batch, kept, batch_size=batch)
    published = dataclasses.replace(vocabulary, spelling="sets")
    tokens = round(sum(published.length(decode(one.ids, vocabulary)) for one in first) / batch)
    print(f"{sum(len(one.ids) for one in first) / batch:.1f} tokens a molecule as it grows, {tokens} as published")
    other = peer(model.config)

    def ours() -> None:
        list(sample_sequences(model, batch, kept, batch_size=batch))

    def theirs() -> None:
        prompt = torch.zeros(batch, 1, dtype=torch.long)
        other.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            do_sample=True,
            top_k=0,
            min_length=tokens,
            max_length=tokens,
        )

    a, b = least([ours, theirs], turns)
    return row(f"draw molecules, batch {batch}", 1e3 * a / batch, 1e3 * b / batch, "CPU ms/molecule")


def training(model: Model, other: Any, smiles: list[str], turns: int) -> dict[str, Any]:
    """CPU milliseconds a molecule of a forward and backward pass; ours on molecules of similar lengths."""
    data = open_graphs(smiles, vocabulary=model.config.vocabulary)
    size = min(32, len(data))
    order = data.lengths.argsort(kind="stable").tolist()
    blocks = [order[i : i + size] for i in range(0, len(order) - size + 1, size)]
    mixed = torch.randperm(len(data), generator=torch.Generator().manual_seed(0)).tolist()
    mixed_blocks = [mixed[i : i + size] for i in range(0, len(mixed) - size + 1, size)]

    def ours() -> None:
        for block in blocks:
            model.zero_grad()
            model.loss(data.batch(block)).backward()

    def theirs() -> None:
        for block in mixed_blocks:
            found = data.batch(block)
            other.zero_grad()
            labels = found.ids.masked_fill(~found.real, -100)
            other(found.ids, attention_mask=found.real.long(), labels=labels).loss.backward()

    model.train(), other.train()
    a, b = least([ours, theirs], turns)
    model.eval(), other.eval()
    count = size * len(blocks)
    return row("training pass, batch 32", 1e3 * a / count, 1e3 * b / count, "CPU ms/graph")


def reading(smiles: list[str], turns: int) -> dict[str, Any]:
    """CPU milliseconds from SMILES to sequence, beside what RDKit takes to read and canonicalise the SMILES."""
    import random

    from rdkit import Chem

    from humboldt.domains.graphs import Chemistry, Ordering, Vocabulary, encode

    chemistry = Chemistry()
    vocabulary = Vocabulary.of((graph_from_smiles(s, chemistry) for s in smiles), chemistry=chemistry)
    chance, ordering = random.Random(0), Ordering()

    def ours() -> None:
        for one in smiles:
            encode(graph_from_smiles(one, chemistry), vocabulary, ordering, chance)

    def theirs() -> None:
        for one in smiles:
            Chem.MolToSmiles(Chem.MolFromSmiles(one))

    a, b = least([ours, theirs], turns)
    print(f"{len(smiles) / a:.0f} molecules per CPU second from SMILES to sequences")
    case = row("SMILES to sequence", 1e3 * a / len(smiles), 1e3 * b / len(smiles), "CPU ms/molecule")
    return case | {"peer_name": "RDKit, read and write canonically"}


def row(case: str, ours: float, peer: float, unit: str) -> dict[str, Any]:
    """A line of the result; below 1 is better."""
    print(f"{case:30s} {ours:9.3f} {peer:9.3f} {unit:16s} {ours / peer:.2f}", flush=True)
    return {"case": case, "ours": ours, "peer": peer, "peer_name": PEER, "unit": unit, "ratio": ours / peer}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="batch 64 only, one turn")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (default 1)")
    parser.add_argument("--json", type=Path, help="where the rows are written")
    choice = parser.parse_args()
    torch.set_num_threads(choice.threads)
    torch.manual_seed(0)
    config = g2pt("qm9", "small")
    model, other = build(config).eval(), peer(config)
    turns = 1 if choice.quick else 3
    smiles = [s for s in SMILES for _ in range(24)]
    batches = (64,) if choice.quick else (64, 256)
    rows = [drawing(model, other, batch, turns) for batch in batches]
    half, other_half = copy.deepcopy(model).bfloat16(), copy.deepcopy(other).bfloat16()
    rows += [drawing(half, other_half, batch, turns, ", bfloat16") for batch in batches]
    rows += [molecules(batch, turns) for batch in batches]
    rows += [training(model, other, smiles, turns), reading(smiles, turns)]
    if choice.json:
        choice.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
