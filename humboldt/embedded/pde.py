"""How `humboldt/pde-nano` was made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from humboldt.finetune import Recipe, fit
from humboldt.foundations import Model, Normaliser

FIRST = Recipe(
    steps=7000,
    batch_size=16,
    optimiser="muon",
    core_rate=2e-3,
    embedding_rate=2e-3,
    norm_rate=2e-3,
    weight_decay=0.01,
    warmup=300,
    clip=5.0,
    validate_every=500,
    save_every=200,
    seed=0,
)
SECOND = FIRST.replace(
    steps=600,
    batch_size=8,
    core_rate=3e-3,
    embedding_rate=1e-3,
    norm_rate=1e-3,
    warmup=30,
    validate_every=150,
    save_every=50,
    seed=1,
)
"""A second stage that was tried from the first one's weights: better on what flows, worse on its own families."""
PDE_NANO = (FIRST,)
"""The recipes of the stages of `humboldt/pde-nano`, each of which goes on with the weights of the one before."""

ADVICE = {
    "pretrained": {"optimiser": "muon", "core_rate": 1e-2, "embedding_rate": 5e-4, "norm_rate": 1e-3},
    "random": {"optimiser": "muon", "core_rate": 1e-2, "embedding_rate": 1e-2, "norm_rate": 1e-2},
}
"""Recipe fields for tuning `humboldt/pde-nano` and its random twin: the best of those tried (see the transfer page)."""


def pretrain_pde_nano(
    data: str | Path, output: str | Path, recipes: Sequence[Recipe] = PDE_NANO, *, share_of_samples: float = 1.0
) -> Model:
    """Pretrain `humboldt/pde-nano` from nothing: generate the families into `data`, train in stages, save to `output`.

    Interrupted and called again it goes on where it was.

    Args:
        data: folder of the generated stores (4 GB); what is there is not generated again.
        output: run folder of the last stage, which becomes the checkpoint; it holds that of the stage before.
        recipes: of each stage; others than the released ones for trials.
        share_of_samples: generate only this share of the trajectories (for trials).
    """
    from humboldt.domains.pde import open_mixture

    output = Path(output)
    model = fresh_pde_nano(recipes[0].seed)
    for stage, recipe in enumerate(recipes):
        pairs, before = recipe.steps * recipe.batch_size, model.provenance
        train, validation = open_mixture(data, pairs=pairs, stage=stage, share_of_samples=share_of_samples)
        folder = output if stage == len(recipes) - 1 else output / f"stage_{stage + 1}"
        model = fit(model, train, validation, recipe, None, folder, run={"model": "humboldt/pde-nano", "stage": stage})
        model.provenance["before"] = before
    model.provenance["advice"] = ADVICE
    model.save(output)
    return model


def fresh_pde_nano(seed: int) -> Model:
    """The network of `humboldt/pde-nano` before any training."""
    import torch

    from humboldt.domains.pde import DEVIATION, build, pde_nano

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build(pde_nano())
    for normaliser in (model.embed.normaliser, model.head.normaliser):
        cast(Normaliser, normaliser).std.fill_(DEVIATION)
    return model
