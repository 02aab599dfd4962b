"""A small model and a batch of every science."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch

from humboldt.domains import biodiversity
from humboldt.domains.biodiversity.distribution import VirtualSpecies
from humboldt.domains.graphs import PUBLISHED, SequenceBatch
from humboldt.foundations import Model
from tests.domains.biodiversity.distribution.small import network as small_species
from tests.domains.biodiversity.small_bioanalyst import months
from tests.domains.biodiversity.small_bioanalyst import small as small_grid
from tests.domains.graphs.small import small as small_graphs
from tests.domains.weather import models as weather
from tests.finetune.tiny import Waves, tiny_model

SEQUENCES = ([0, 16, 6, 1, 3, 4], [0, 16, 6, 2, 17, 7, 1, 3, 6, 7, 20, 4])


def _biodiversity() -> tuple[Model, Any]:
    core = biodiversity.swin_core(width=8, depths=(2, 1), heads=(2, 2), window=(1, 2, 3), up_depths=(1, 1))
    config = small_grid(core=core)
    torch.manual_seed(0)
    return biodiversity.build(config).eval(), months(config)


def _graphs() -> tuple[Model, Any]:
    torch.manual_seed(0)
    return small_graphs(PUBLISHED["qm9"]), SequenceBatch.of(SEQUENCES, PUBLISHED["qm9"].pad)


def _species() -> tuple[Model, Any]:
    return small_species(), VirtualSpecies(10, species=2).batch([0, 1])


SCIENCES: dict[str, Callable[[], tuple[Model, Any]]] = {
    "biodiversity": _biodiversity,
    "graphs": _graphs,
    "species": _species,
    "pde": lambda: (tiny_model(), Waves(3).all()),
    "weather": lambda: (weather.model(pairs=(1, 1)), weather.batch()),
}


@cache
def science(name: str) -> tuple[Model, Any]:
    """Model and batch; nobody changes them. No weight is zero, so that a gradient reaches every part."""
    model, batch = SCIENCES[name]()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model, batch
