"""How `humboldt/biodiversity-nano` and `humboldt/populations-nano` were made."""

from __future__ import annotations

from pathlib import Path

from humboldt.finetune import Recipe, fit
from humboldt.foundations import Model

BIODIVERSITY_NANO = Recipe(
    steps=1400,
    batch_size=4,
    optimiser="muon",
    core_rate=4e-3,
    embedding_rate=2e-3,
    norm_rate=2e-3,
    weight_decay=0.01,
    warmup=100,
    clip=5.0,
    validate_every=350,
    validation_samples=32,
    save_every=50,
    seed=0,
)

POPULATIONS_NANO = Recipe(
    steps=600,
    batch_size=12,
    optimiser="muon",
    core_rate=4e-3,
    embedding_rate=3e-3,
    norm_rate=3e-3,
    weight_decay=0.01,
    warmup=50,
    clip=5.0,
    validate_every=150,
    validation_samples=96,
    save_every=50,
    seed=0,
)


def pretrain_biodiversity_nano(data: str | Path, output: str | Path, recipe: Recipe = BIODIVERSITY_NANO) -> Model:
    """Pretrain `humboldt/biodiversity-nano` from nothing, on virtual species alone, which are made as they are needed.

    Interrupted and called again it goes on where it was. The released weights had fewer steps; their card says which.

    Args:
        data: not used; nothing is stored.
        output: run folder, which becomes the checkpoint.
        recipe: another one than the released for trials.
    """
    import torch

    from humboldt.domains.biodiversity.distribution import VirtualSpecies, biodiversity_nano, build_species

    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        model = build_species(biodiversity_nano())
    species = VirtualSpecies(1_000_000, seed=recipe.seed)
    parts = species.split("train"), species.split("validation").take(32)
    return fit(model, *parts, recipe, None, output, run={"model": "humboldt/biodiversity-nano"})


def pretrain_populations_nano(data: str | Path, output: str | Path, recipe: Recipe = POPULATIONS_NANO) -> Model:
    """Pretrain `humboldt/populations-nano` from nothing, on virtual populations that are made as they are needed.

    Interrupted and called again it goes on where it was.

    Args:
        data: not used; nothing is stored.
        output: run folder, which becomes the checkpoint.
        recipe: another one than the released for trials.
    """
    import torch

    from humboldt.domains.biodiversity.populations import VirtualPopulations, build_populations, populations_nano

    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        model = build_populations(populations_nano())
    counts = VirtualPopulations(1_000_000, seed=recipe.seed)
    parts = counts.split("train"), counts.split("validation").take(96)
    return fit(model, *parts, recipe, None, output, run={"model": "humboldt/populations-nano"})
