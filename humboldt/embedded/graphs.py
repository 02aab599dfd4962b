"""How `humboldt/molecules-nano` was made."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from humboldt.finetune import Recipe, fit
from humboldt.foundations import Model

MOLECULES_FIRST = Recipe(
    steps=1000,
    batch_size=32,
    optimiser="muon",
    core_rate=8e-3,
    embedding_rate=8e-3,
    norm_rate=2e-3,
    weight_decay=0.01,
    warmup=50,
    clip=1.0,
    validate_every=250,
    validation_samples=256,
    save_every=50,
    seed=0,
)
MOLECULES_SECOND = MOLECULES_FIRST.replace(
    steps=450, batch_size=64, core_rate=6e-3, embedding_rate=5e-3, validate_every=112, seed=1
)
MOLECULES_THIRD = MOLECULES_SECOND.replace(steps=700, core_rate=5e-3, embedding_rate=4e-3, validate_every=175, seed=2)
MOLECULES_FOURTH = MOLECULES_THIRD.replace(steps=1000, validate_every=250, seed=3)
MOLECULES_FIFTH = MOLECULES_FOURTH.replace(
    steps=800, core_rate=3e-3, embedding_rate=2.5e-3, norm_rate=1e-3, validate_every=400, validation_samples=128, seed=4
)
MOLECULES_NANO = (MOLECULES_FIRST, MOLECULES_SECOND, MOLECULES_THIRD, MOLECULES_FOURTH, MOLECULES_FIFTH)
"""The recipes of the stages of `humboldt/molecules-nano`, each of which goes on with the weights of the one before."""
LAWFUL = 10.0
"""Weight of `unlawful` in the last stage, which leaves out most of the tiny molecules."""


def pretrain_molecules_nano(data: str | Path, output: str | Path, recipes: Sequence[Recipe] = MOLECULES_NANO) -> Model:
    """Pretrain `humboldt/molecules-nano` from nothing: the corpus into `output/corpus.csv`, the checkpoint beside it.

    Interrupted and called again it goes on where it was.

    Args:
        data: folder that holds `moses/train.smi.gz` and `qm8/qm8.csv.gz`.
        output: run folder of the last stage, which becomes the checkpoint; it holds that of the stage before.
        recipes: of each stage; others than the released ones for trials.
    """
    import torch

    from humboldt.domains.graphs import build, molecules_nano, open_corpus, with_few_tiny

    output = Path(output)
    corpus = open_corpus(data, output / "corpus.csv")
    parts = (corpus.split("train"), corpus.split("validation"))
    with torch.random.fork_rng():
        torch.manual_seed(recipes[0].seed)
        model = build(molecules_nano())
    for stage, recipe in enumerate(recipes, 1):
        before = model.provenance
        if stage == len(recipes) > 1:
            model, parts = lawful(model, LAWFUL), (with_few_tiny(parts[0]), with_few_tiny(parts[1]))
        folder = output if stage == len(recipes) else output / f"stage_{stage}"
        model = fit(model, *parts, recipe, None, folder, run={"model": "humboldt/molecules-nano"})
        if stage > 1:
            model.provenance["before"] = before
    model.save(output)
    return model


def lawful(model: Model, weight: float) -> Model:
    """The same network, with this weight of `unlawful` in its loss."""
    from humboldt.domains.graphs import build

    made = build(dataclasses.replace(model.config, lawful=weight))
    made.load_state_dict(model.state_dict())
    made.provenance = model.provenance
    return made
