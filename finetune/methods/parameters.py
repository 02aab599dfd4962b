"""Single parameters of a model, whatever they belong to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from humboldt.foundations import Context

from ..adapted import plain_layers
from ..adapter import HookAdapter
from ..hook import WeightMap
from ..method import Kind, TargetError


class Offsets(WeightMap):
    """p + delta_p for parameters of a layer's own; delta = 0 at the start. That of a complex one has two real parts."""

    def __init__(self, own: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.names = list(own)
        shapes = [torch.view_as_real(p).shape if p.is_complex() else p.shape for p in own.values()]
        self.deltas = nn.ParameterList(nn.Parameter(torch.zeros(shape)) for shape in shapes)

    def weights(self, weights: Mapping[str, Tensor], context: Context) -> dict[str, Tensor]:
        """The parameters with their offsets."""
        found = {}
        for name, delta in zip(self.names, self.deltas, strict=True):
            own = weights[name]
            found[name] = own + (torch.view_as_complex(delta) if own.is_complex() else delta)
        return found


@dataclass(frozen=True, kw_only=True)
class Parameters(HookAdapter):
    """p + delta_p: offsets of those parameters whose names are asked for, of any layer, also of layers from elsewhere.

    What no other method reaches: the scales of cosines, gains of skips, learned positions, spectral weights of an FNO.

    Attributes:
        parameters: regular expression on the names of a layer's own parameters, such as `logit_scale` or `weight`.
        targets: regular expression on the names of the layers (as ever).
    """

    name: ClassVar[str] = "parameters"
    trains: ClassVar[str] = "offsets"
    kind: ClassVar[Kind] = "weights"
    source: ClassVar[str] = "delta tuning"
    layers: ClassVar[tuple[type[nn.Module], ...]] = (nn.Module,)
    targets: str = r"^core\."
    parameters: str = r"^(logit_scale|gamma|query_bias|value_bias|bias)$"

    def sites(self, model: nn.Module) -> list[str]:
        """Layers that own such a parameter.

        Raises:
            TargetError: none does.
        """
        layers = dict(plain_layers(model))
        found = [name for name in super().sites(model) if self.own(layers[name])]
        if not found:
            names = sorted({n.rpartition(".")[2] for n, _ in model.named_parameters()})
            raise TargetError(
                f"parameters must find a parameter, got parameters={self.parameters!r} with targets={self.targets!r}; "
                f"there are {names[:12]}"
            )
        return found

    def own(self, layer: nn.Module) -> dict[str, Tensor]:
        """The parameters of a layer that are asked for: its own, and those that a factorised weight of it holds."""
        there = dict(layer.named_parameters(recurse=False)) | {
            f"{part}.{name}": p
            for part, child in layer.named_children() if hasattr(child, "to_tensor")  # a factorised weight
            for name, p in child.named_parameters(recurse=False)
        }  # fmt: skip
        return {name: p for name, p in there.items() if re.search(self.parameters, name.partition(".")[0])}

    def hook(self, layer: nn.Module) -> Offsets:
        """The offsets of a layer's parameters."""
        return Offsets(self.own(layer))
