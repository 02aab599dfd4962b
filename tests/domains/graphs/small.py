"""A small model for the tests."""

from __future__ import annotations

from typing import Any

import torch

from humboldt.domains.graphs import Goal, GraphConfig, Vocabulary, build, decoder_core
from humboldt.foundations import Model

MOLECULES = ("CCO", "c1cc[nH]c1", "CC(=O)N", "C[N+](C)(C)C", "C1CC1", "OC=O", "N#CC", "CCCC", "CNC", "c1ccoc1")


def small(vocabulary: Vocabulary, length: int = 60, goals: tuple[Goal, ...] = (), spare: int = 3, **core: Any) -> Model:
    """Two layers of width 16 with random weights that matter."""
    choices: dict[str, Any] = {"layers": 2, "heads": 2, "width": 16} | core
    config = GraphConfig(
        vocabulary=vocabulary,
        core=decoder_core(**choices, condition=2 * len(goals)),
        length=length,
        rows=len(vocabulary) + spare,
        goals=goals,
    )
    model = build(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.4 * torch.randn_like(parameter))
    return model
