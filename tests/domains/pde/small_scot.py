"""The published configuration of a small scOT, as a parsed `config.json`."""

from typing import Any

SMALL: dict[str, Any] = {
    "architectures": ["ScOT"],
    "image_size": 32,
    "patch_size": 4,
    "num_channels": 3,
    "num_out_channels": 3,
    "embed_dim": 16,
    "depths": [2, 1],
    "num_heads": [2, 4],
    "skip_connections": [True, False],
    "window_size": 4,
}
