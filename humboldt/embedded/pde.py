"""How `humboldt/pde-nano` and `humboldt/pde-nano-fine` were made."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from humboldt.finetune import Recipe, fit
from humboldt.foundations import Model, Normaliser

PDE_NANO = Recipe(
    steps=12000,
    batch_size=16,
    optimiser="muon",
    core_rate=2e-3,
    embedding_rate=2e-3,
    norm_rate=2e-3,
    weight_decay=0.01,
    warmup=300,
    clip=5.0,
    validate_every=1000,
    save_every=200,
    precision="bf16-mixed",
    seed=0,
)
"""The recipe of `humboldt/pde-nano`."""

PDE_NANO_FINE = PDE_NANO.replace(steps=4000, core_rate=1e-3, warmup=100, precision="32-true", seed=2)
"""The recipe of `humboldt/pde-nano-fine`, which goes on from there on other pairs of the same trajectories."""

ADVICE: dict[str, Any] = {
    "pretrained": {"optimiser": "muon", "core_rate": 1e-2, "embedding_rate": 5e-4, "norm_rate": 1e-3},
    "random": {"optimiser": "muon", "core_rate": 1e-2, "embedding_rate": 1e-2, "norm_rate": 1e-2},
}
"""Recipe fields for tuning `humboldt/pde-nano` and its random twin: the best of those tried (see the transfer page)."""


def pretrain_pde_nano(
    data: str | Path, output: str | Path, recipe: Recipe = PDE_NANO, *, share_of_samples: float = 1.0
) -> Model:
    """Pretrain `humboldt/pde-nano` from nothing: generate the families into `data`, train, save to `output`.

    Interrupted and called again it goes on where it was.

    Args:
        data: folder of the generated stores (5 GB); what is there is not generated again.
        output: run folder, which becomes the checkpoint.
        recipe: another than the released one for trials.
        share_of_samples: generate only this share of the trajectories (for trials).
    """
    start = fresh_pde_nano(recipe.seed)
    return _trained("humboldt/pde-nano", start, ADVICE, data, output, recipe, share_of_samples)


def pretrain_pde_nano_fine(
    data: str | Path, output: str | Path, recipe: Recipe = PDE_NANO_FINE, *, share_of_samples: float = 1.0
) -> Model:
    """Pretrain `humboldt/pde-nano-fine`: give `humboldt/pde-nano` a fine path (ADR 0015) and pretrain it further.

    Interrupted and called again it goes on where it was.

    Args:
        data, output, recipe, share_of_samples: as in `pretrain_pde_nano`.
    """
    from humboldt.domains.pde import with_fine_path

    from ..pretrained import from_pretrained

    start = with_fine_path(from_pretrained("humboldt/pde-nano"), seed=recipe.seed)
    return _trained("humboldt/pde-nano-fine", start, start.provenance["advice"], data, output, recipe, share_of_samples)


def _trained(
    name: str,
    start: Model,
    advice: dict[str, Any],
    data: str | Path,
    output: str | Path,
    recipe: Recipe,
    share_of_samples: float,
) -> Model:
    """The model of this name, trained on pairs of the mixture that the recipe's seed draws."""
    from humboldt.domains.pde import open_mixture

    pairs = recipe.steps * recipe.batch_size
    train, validation = open_mixture(data, pairs=pairs, seed=recipe.seed, share_of_samples=share_of_samples)
    model = fit(start, train, validation, recipe, None, output, run={"model": name})
    model.provenance["advice"] = advice
    model.save(output)
    return model


def fresh_pde_nano(seed: int, width: int = 48) -> Model:
    """The network of `humboldt/pde-nano` before any training, or one of another width."""
    import torch

    from humboldt.domains.pde import DEVIATION, build, pde_nano

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build(pde_nano(width))
    for normaliser in (model.embed.normaliser, model.head.normaliser):
        cast(Normaliser, normaliser).std.fill_(DEVIATION)
    return model
