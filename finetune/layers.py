"""Layers seen through their weights: which axis is the output, and the matrix that a weight is."""

from __future__ import annotations

import math
import re

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from humboldt.foundations import ConfigError, TimeNorm

NORMS = (TimeNorm, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, _BatchNorm)
MATRICES = (nn.Linear, _ConvNd)


def as_matrix(layer: nn.Module, weight: Tensor) -> Float[Tensor, "o i"]:
    """A weight with one row an output channel (of each group); that of a transposed convolution is turned."""
    return (weight.transpose(0, 1) if isinstance(layer, _ConvTransposeNd) else weight).flatten(1)


def as_weight(layer: nn.Module, matrix: Float[Tensor, "o i"], shape: tuple[int, ...]) -> Tensor:
    """The weight of this shape that a matrix stands for."""
    if isinstance(layer, _ConvTransposeNd):
        return matrix.view(shape[1], shape[0], *shape[2:]).transpose(0, 1)
    return matrix.view(shape)


def matrix_shape(layer: nn.Module) -> tuple[int, int]:
    """Rows and columns of `as_matrix`."""
    shape = tuple(weight_of(layer).shape)
    outputs = shape[1] if isinstance(layer, _ConvTransposeNd) else shape[0]
    return outputs, math.prod(shape) // outputs


def weight_name(layer: nn.Module) -> str:
    """Name of the parameter that is a layer's weight; a factorised weight (of an FNO, say) is one inside of it."""
    return "weight" if isinstance(getattr(layer, "weight", None), Tensor) else "weight.tensor"


def weight_of(layer: nn.Module) -> Tensor:
    """The parameter that is a layer's weight."""
    return layer.get_parameter(weight_name(layer))


def has_weight(layer: nn.Module) -> bool:
    """Whether a layer is a map, a convolution or a norm with a weight of its own, or a Fourier layer.

    A norm that is told a condition has no weight: its linear maps have.
    """
    plain = isinstance(layer, (*MATRICES, *NORMS)) and isinstance(getattr(layer, "weight", None), nn.Parameter)
    return plain or is_spectral(layer)


def is_spectral(layer: nn.Module) -> bool:
    """Whether a layer has one complex weight an (input, output) pair and mode, as the Fourier layers of an FNO do."""
    own = dict(layer.named_parameters())
    weight = own.get("weight", own.get("weight.tensor"))
    return weight is not None and weight.is_complex() and weight.dim() > 2


def width_of(layer: nn.Module) -> int:
    """Number of features that a layer puts out: channels of a map, a convolution or a norm, width of a block.

    Raises:
        ConfigError: the layer does not say.
    """
    for attribute in ("out_features", "out_channels", "width", "num_features", "num_channels", "embedding_dim"):
        if isinstance(found := getattr(layer, attribute, None), int):
            return found
    inner = [m for m in layer.modules() if isinstance(m, (*MATRICES, *NORMS)) and m is not layer]
    if not inner:
        raise ConfigError(f"a layer at a site must have a width, a {type(layer).__name__} has none; choose another")
    return width_of(inner[-1])


def feature_axis(layer: nn.Module) -> int:
    """The axis of the features in what a layer puts out: 1 for convolutions, their norms, and Fourier layers."""
    return 1 if isinstance(layer, _ConvNd | _BatchNorm | nn.GroupNorm) or is_spectral(layer) else -1


def require_rank(rank: int, layer: nn.Module, name: str = "rank") -> None:
    """Refuse a rank that the layer cannot have.

    Raises:
        ConfigError: below 1, or above the smaller side of the layer's matrix.
    """
    largest = min(matrix_shape(layer))
    if not 1 <= rank <= largest:
        raise ConfigError(
            f"{name} must be between 1 and the smaller side of every matrix it is for, got {rank} for a "
            f"{type(layer).__name__} of {matrix_shape(layer)}; choose at most {largest}, or leave the layer out "
            "(exclude=...)"
        )


def is_plain(layer: nn.Module) -> bool:
    """Whether a layer has no parameters but `weight` and `bias`, as code that takes them from it believes."""
    return {name for name, _ in layer.named_parameters()} <= {"weight", "bias"}


def finest(model: nn.Module, names: list[str]) -> list[str]:
    """Of the blocks (or their parts) with these names, those of the first one's scale.

    What is known of a sample has the width of the tokens there.
    """
    scales = {name: re.findall(r"scales\.\d+", name)[:1] for name in names}
    return [name for name in names if scales[name] == scales[names[0]]]


def block_of(name: str) -> str:
    """`core.scales.0.down.1` of the name of a parameter inside; "" outside of every block."""
    found = re.match(r"core\.scales\.\d+\.(down|up)\.\d+", name)
    return found.group() if found else ""


def depths(model: nn.Module) -> dict[str, int]:
    """Distance of every block of the core from the head, in blocks: first up the finest scale, then down."""
    blocks = list(dict.fromkeys(block_of(name) for name, _ in model.named_parameters()))

    def place(name: str) -> tuple[int, int, int]:
        _, _, scale, way, number = name.split(".")
        return (0, int(scale), int(number)) if way == "down" else (1, -int(scale), int(number))

    order = sorted((name for name in blocks if name), key=place)
    return {name: len(order) - 1 - index for index, name in enumerate(order)}
