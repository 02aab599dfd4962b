"""The configuration of the published Prithvi WxC models, and what it is called here.

Published settings are one flat object: under `params` in the `config.yaml` of a checkpoint. Everything that one side
cannot say is refused by name.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from humboldt.foundations import ConfigError, from_dict

from . import variables
from .channels import Channel
from .config import WeatherConfig, unit_core

logger = logging.getLogger(__name__)

REQUIRED = {"in_channels", "embed_dim", "n_blocks_encoder", "n_blocks_decoder", "mask_unit_size_px"}
IGNORED = {  # what a checkpoint holds itself, or what only the loader of the data reads
    "input_scalers_mu", "input_scalers_sigma", "static_input_scalers_mu", "static_input_scalers_sigma",
    "output_scalers", "surface_vars", "vertical_vars", "static_surface_vars", "levels", "padding",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class WxCConfig:
    """The published fields; defaults are those of the released models.

    Attributes:
        in_channels_static: static channels that are embedded; with `fourier` without latitude and longitude.
        n_lats_px, n_lons_px, patch_size_px, mask_unit_size_px: grid points.
        n_blocks_encoder, n_blocks_decoder: pairs of global and local layers after the first local one.
        encoder_shifting: None where it is not said: shifted wherever nothing is masked.
        checkpoint_encoder, checkpoint_decoder: layers that are computed again in the backward pass.
    """

    in_channels: int
    input_size_time: int = 2
    in_channels_static: int
    input_scalers_epsilon: float = 0.0
    static_input_scalers_epsilon: float = 0.0
    n_lats_px: int
    n_lons_px: int
    patch_size_px: tuple[int, ...]
    mask_unit_size_px: tuple[int, ...]
    mask_ratio_inputs: float = 0.0
    mask_ratio_targets: float = 0.0
    embed_dim: int
    n_blocks_encoder: int
    n_blocks_decoder: int
    mlp_multiplier: float | int
    n_heads: int
    dropout: float = 0.0
    drop_path: float = 0.0
    parameter_dropout: float = 0.0
    residual: str = "climate"
    masking_mode: str = "both"
    positional_encoding: str = "fourier"
    encoder_shifting: bool | None = None
    decoder_shifting: bool = True
    checkpoint_encoder: tuple[int, ...] = ()
    checkpoint_decoder: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        choices = {
            "residual": ("climate", "temporal", "none"),
            "positional_encoding": ("fourier", "absolute"),
            "mask_ratio_targets": (0.0,),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ConfigError(f"{name} of a published model is one of {allowed}, got {getattr(self, name)!r}")
        if self.masking_mode.lower() not in ("global", "local", "both"):
            raise ConfigError(f"masking_mode is global, local or both, got {self.masking_mode!r}")
        if self.n_blocks_decoder < 1:
            raise ConfigError(
                f"a model predicts through its decoder, got n_blocks_decoder={self.n_blocks_decoder}; use at least 1"
            )
        if len(set(self.patch_size_px)) != 1:
            raise ConfigError(f"patches of a published model are square, got {list(self.patch_size_px)}")
        grid, unit = (self.n_lats_px, self.n_lons_px), self.mask_unit_size_px
        if any(n % size for n, size in zip(grid, unit, strict=True)):
            raise ConfigError(f"mask_unit_size_px divides the published grid {grid}, got {list(unit)}")
        for name, pairs in (("encoder", self.n_blocks_encoder), ("decoder", self.n_blocks_decoder)):
            layers = getattr(self, f"checkpoint_{name}")
            if any(not 0 <= layer <= 2 * pairs for layer in layers):
                raise ConfigError(f"checkpoint_{name} names layers from 0 to {2 * pairs}, got {list(layers)}")


def is_published(fields: Mapping[str, Any]) -> bool:
    """Whether a parsed configuration is one of a published Prithvi WxC model."""
    return _is_flat(fields.get("params", fields))


def _is_flat(fields: Any) -> bool:
    return isinstance(fields, Mapping) and fields.keys() >= REQUIRED


def read_fields(fields: Mapping[str, Any]) -> WxCConfig:
    """The published fields of a parsed file, with or without `params` around them; unknown ones are logged.

    Raises:
        ConfigError: a value that the published models do not have, named.
    """
    flat = dict(fields.get("params", fields))
    known = {f.name for f in dataclasses.fields(WxCConfig)}
    unknown = sorted(flat.keys() - known - IGNORED)
    if unknown:
        logger.warning("settings without a meaning for Prithvi WxC, ignored: %s", ", ".join(unknown))
    return from_dict(WxCConfig, {key: value for key, value in flat.items() if key in known})


def config_from_published(fields: Mapping[str, Any]) -> WeatherConfig:
    """What published settings are called here.

    Raises:
        ConfigError: a value that the published models do not have, named.
    """
    wxc = read_fields(fields)
    if wxc.dropout:
        logger.warning("dropout is not used when this model is trained further; predictions do not depend on it")
    cores = {
        "core": _core(wxc, wxc.n_blocks_encoder, wxc.encoder_shifting is not False, wxc.drop_path),
        "decoder": _core(wxc, wxc.n_blocks_decoder, wxc.decoder_shifting, 0.0),
    }
    for name, core in cores.items():
        if core.scales[0].down[-1].attention.shifted:
            logger.warning(
                "the %s has an odd number of block pairs and shifts: as in the released code, its output stays moved "
                "by half a unit",
                name,
            )
    return WeatherConfig(
        channels=_channels(wxc.in_channels),
        static=_static(wxc),
        patch=wxc.patch_size_px[0],
        unit=(wxc.mask_unit_size_px[0], wxc.mask_unit_size_px[1]),
        input_times=wxc.input_size_time,
        residual=wxc.residual,  # type: ignore[arg-type]
        position=wxc.positional_encoding,  # type: ignore[arg-type]
        grid=(wxc.n_lats_px, wxc.n_lons_px),
        eps=wxc.input_scalers_epsilon,
        static_eps=wxc.static_input_scalers_epsilon,
        channel_dropout=wxc.parameter_dropout,
        ends_shifted=True,
        **cores,
    )


def _core(wxc: WxCConfig, pairs: int, shifted: bool, drop_path: float) -> Any:
    hidden = int(wxc.embed_dim * wxc.mlp_multiplier)
    return unit_core(
        width=wxc.embed_dim, pairs=pairs, heads=wxc.n_heads, hidden=hidden, shifted=shifted, drop_path=drop_path
    )


def _channels(count: int) -> tuple[Channel, ...]:
    named = variables.channels()
    return named if count == len(named) else tuple(Channel(variable=f"channel_{i}") for i in range(count))


def _static(wxc: WxCConfig) -> tuple[Channel, ...]:
    named = variables.static_channels(wxc.positional_encoding)
    places = variables.static_channels(wxc.positional_encoding, ())[:2] if wxc.positional_encoding == "fourier" else ()
    count = wxc.in_channels_static + len(places)
    if count == len(named):
        return named
    return (*places, *(Channel(variable=f"static_{i}") for i in range(wxc.in_channels_static)))


def config_to_published(config: WeatherConfig) -> dict[str, Any]:
    """The flat published fields of a configuration that is one of Prithvi WxC; put them under `params` in a file.

    Raises:
        ConfigError: names what the published format cannot say.
    """
    if config.grid is None:
        raise ConfigError("the published format names the grid, got grid=None; set the grid it was trained on")
    encoder, decoder = (core.scales[0].down for core in (config.core, config.decoder))
    first = encoder[0]
    wxc = WxCConfig(
        in_channels=len(config.channels),
        input_size_time=config.input_times,
        in_channels_static=len(config.embedded),
        input_scalers_epsilon=config.eps,
        static_input_scalers_epsilon=config.static_eps,
        n_lats_px=config.grid[0],
        n_lons_px=config.grid[1],
        patch_size_px=(config.patch,) * 2,
        mask_unit_size_px=config.unit,
        embed_dim=config.width,
        n_blocks_encoder=len(encoder) // 2,
        n_blocks_decoder=len(decoder) // 2,
        mlp_multiplier=_whole(first.hidden / config.width),
        n_heads=first.attention.heads,
        drop_path=first.drop_path,
        parameter_dropout=config.channel_dropout,
        residual=config.residual,
        positional_encoding=config.position,
        encoder_shifting=any(block.attention.shifted for block in encoder),
        decoder_shifting=any(block.attention.shifted for block in decoder),
    )
    fields = {f.name: _plain(getattr(wxc, f.name)) for f in dataclasses.fields(WxCConfig)}
    again = config_from_published(fields)
    lost = [f.name for f in dataclasses.fields(WeatherConfig) if f.name not in ("channels", "static", "ends_shifted")]
    lost = [name for name in lost if getattr(again, name) != getattr(config, name)]
    if lost:
        raise ConfigError(
            f"the published format describes Prithvi WxC models only and cannot say {', '.join(lost)} of this model; "
            "use model.save(folder) instead"
        )
    return fields


def prithvi_wxc() -> WeatherConfig:
    """The published configuration with 2.3 billion parameters; its rollout variant differs in the weights alone."""
    return config_from_published(_released(embed_dim=2560, n_blocks_encoder=12))


def prithvi_wxc_small() -> WeatherConfig:
    """The packaged configuration with 0.28 billion parameters, of which no weights were released."""
    return config_from_published(_released(embed_dim=1024, n_blocks_encoder=8))


def _released(embed_dim: int, n_blocks_encoder: int) -> dict[str, Any]:
    return {
        "in_channels": 160, "in_channels_static": 8, "n_lats_px": 360, "n_lons_px": 576, "patch_size_px": [2, 2],
        "mask_unit_size_px": [30, 32], "embed_dim": embed_dim, "n_blocks_encoder": n_blocks_encoder,
        "n_blocks_decoder": 2, "mlp_multiplier": 4, "n_heads": 16,
    }  # fmt: skip


def _whole(value: float) -> float | int:
    return int(value) if value == int(value) else value


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
