"""A small BioAnalyst, in the published form and as a batch."""

from typing import Any

import torch

from humboldt.domains.biodiversity import GridBatch, GridConfig, config_from_published, swin_core

VARIABLES = {
    "surface_vars": ["t2m", "lsm"],
    "edaphic_vars": ["swvl1"],
    "atmos_vars": ["z", "q"],
    "climate_vars": ["tp"],
    "species_vars": ["1340361", "2891770"],
    "vegetation_vars": ["NDVI"],
    "land_vars": ["Land"],
    "agriculture_vars": ["Cropland"],
    "forest_vars": ["Forest"],
    "redlist_vars": ["RLI"],
    "misc_vars": ["avg_slhtf"],
}
MODEL: dict[str, Any] = {
    "atmos_levels": [1000, 500],
    "species_num": 2,
    "H": 12,
    "W": 16,
    "patch_size": 4,
    "embed_dim": 8,
    "num_heads": 2,
    "kv_heads": 1,
    "head_dim": 4,
    "depth": 1,
    "backbone_type": "swin",
    "swin_encoder_depths": [2, 1],
    "swin_encoder_num_heads": [2, 2],
    "swin_decoder_depths": [1, 2],
    "swin_decoder_num_heads": [2, 2],
    "swin_window_size": [1, 2, 3],
}


def published(**changes: Any) -> dict[str, Any]:
    """A published configuration."""
    return {"model": MODEL | changes, "variables": VARIABLES}


def small(**changes: Any) -> GridConfig:
    """The same with our behaviour, unless `changes` say otherwise."""
    behaviour = changes.get("behaviour", "corrected")
    core = swin_core(width=8, depths=(2, 1), heads=(2, 2), window=(1, 2, 3), behaviour=behaviour)
    fields = vars(config_from_published(published())) | {"behaviour": behaviour, "core": core} | changes
    return GridConfig(**fields)


def months(config: GridConfig, samples: int = 2, **changes: Any) -> GridBatch:
    """Random months in scaled units."""
    channels, (rows, columns) = config.channels, config.grid
    fields = {
        "fields": torch.rand(samples, channels, config.times, rows, columns),
        "latitude": torch.linspace(40, 43, rows),
        "longitude": torch.linspace(-3, 1, columns),
        "month": torch.arange(samples) % 12 + 1,
        "lead_time": torch.ones(samples),
        "target": torch.rand(samples, channels, rows, columns),
    }
    return GridBatch(**(fields | changes))
