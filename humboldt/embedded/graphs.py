"""How `humboldt/molecules-nano` was made."""

from __future__ import annotations

from pathlib import Path

from humboldt.finetune import Recipe, fit
from humboldt.foundations import Model

MOLECULES_NANO = Recipe(
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
"""The recipe of `humboldt/molecules-nano`."""


def pretrain_molecules_nano(data: str | Path, output: str | Path, recipe: Recipe = MOLECULES_NANO) -> Model:
    """Pretrain `humboldt/molecules-nano` from nothing: the corpus into `output/corpus.csv`, the checkpoint beside it.

    Interrupted and called again it goes on where it was.

    Args:
        data: folder that holds `moses/train.smi.gz` and `qm8/qm8.csv.gz`.
        output: run folder, which becomes the checkpoint.
        recipe: another than the released one for trials.
    """
    import torch

    from humboldt.domains.graphs import build, molecules_nano, open_corpus

    corpus = open_corpus(data, Path(output) / "corpus.csv")
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        model = build(molecules_nano())
    parts = (corpus.split("train"), corpus.split("validation"))
    return fit(model, *parts, recipe, None, output, run={"model": "humboldt/molecules-nano"})
