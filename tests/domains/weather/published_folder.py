"""A small checkpoint in the published layout, made with random weights."""

from pathlib import Path

import torch
import yaml

from humboldt.domains.weather import build, config_from_published, published_state

SETTINGS = {
    "in_channels": 4, "input_size_time": 2, "in_channels_static": 3, "input_scalers_epsilon": 0.0,
    "static_input_scalers_epsilon": 0.0, "n_lats_px": 24, "n_lons_px": 32, "patch_size_px": [2, 2],
    "mask_unit_size_px": [6, 8], "embed_dim": 16, "n_blocks_encoder": 2, "n_blocks_decoder": 2, "mlp_multiplier": 2,
    "n_heads": 2, "dropout": 0.0, "drop_path": 0.0, "parameter_dropout": 0.0,
}  # fmt: skip


def random_state(settings: dict = SETTINGS) -> dict[str, torch.Tensor]:
    """A published state dict with random values."""
    state = published_state(build(config_from_published(settings)))
    return {k: v if v.dtype == torch.bool else torch.rand_like(v) + 0.5 for k, v in state.items()}


def write(folder: Path, content: object, settings: dict = SETTINGS) -> Path:
    """`config.yaml` and a `.pt` file that holds `content`."""
    (folder / "config.yaml").write_text(yaml.safe_dump({"params": settings}))
    torch.save(content, folder / "prithvi.wxc.2300m.v1.pt")
    return folder
