"""How the models that come with the package were made."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from humboldt.finetune import Recipe, fit
from humboldt.foundations import Model, Normaliser

PDE_NANO = Recipe(
    steps=7000,
    batch_size=16,
    optimiser="muon",
    core_rate=2e-3,
    embedding_rate=2e-3,
    norm_rate=2e-3,
    weight_decay=0.01,
    warmup=300,
    clip=5.0,
    precision="bf16-mixed",
    validate_every=500,
    save_every=200,
    seed=0,
)

ADVICE = {
    "pretrained": {"optimiser": "muon", "core_rate": 1e-2, "embedding_rate": 5e-4, "norm_rate": 1e-3},
    "random": {"optimiser": "muon", "core_rate": 1e-2, "embedding_rate": 1e-2, "norm_rate": 1e-2},
}
"""Recipe fields for tuning `humboldt/pde-nano` and its random twin: the best of those tried (see the transfer page)."""


def pretrain_pde_nano(
    data: str | Path, output: str | Path, recipe: Recipe = PDE_NANO, *, share_of_samples: float = 1.0
) -> Model:
    """Pretrain `humboldt/pde-nano` from nothing: generate the ten families into `data`, train, save to `output`.

    Interrupted and called again it goes on where it was.

    Args:
        data: folder of the generated stores (3.5 GB); what is there is not generated again.
        output: run folder, which becomes the checkpoint.
        recipe: the released recipe; another one for trials.
        share_of_samples: generate only this share of the trajectories (for trials).
    """
    import torch

    from humboldt.domains.pde import DEVIATION, build, open_mixture, pde_nano

    train, validation = open_mixture(data, pairs=recipe.steps * recipe.batch_size, share_of_samples=share_of_samples)
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        model = build(pde_nano())
    for normaliser in (model.embed.normaliser, model.head.normaliser):
        cast(Normaliser, normaliser).std.fill_(DEVIATION)
    trained = fit(model, train, validation, recipe, None, output, run={"model": "humboldt/pde-nano"})
    trained.provenance["advice"] = ADVICE
    trained.save(output)
    return trained


EMBEDDED = {"humboldt/pde-nano": pretrain_pde_nano}
"""What makes each embedded model again: (folder of data, run folder) -> model."""
