"""A bottleneck for every band of frequencies of the token grid (after F-Adapter, NeurIPS 2025)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from humboldt.foundations import Block, ConfigError, Context

from ..adapter import BLOCKS, HookAdapter
from ..hook import FeatureMap
from ..layers import feature_axis, is_spectral, weight_of, width_of
from ..method import Kind


class Bands(FeatureMap):
    """y + F^-1 [U_b gelu(D_b F[x])] with a perceptron for each of equal radial bands b; U = 0 at the start.

    Real and imaginary parts are the features of a mode. The width of band b is r_min + (r_max - r_min) (1 - b / n)^2
    between half of and twice `narrow`: most for the large scales.
    """

    def __init__(self, width: int, narrow: int, bands: int, axis: int = -1) -> None:
        super().__init__()
        self.axis = axis
        least, most = max(1, narrow // 2), 2 * narrow
        widths = [int(least + (most - least) * (1 - b / bands) ** 2) for b in range(bands)]
        self.down = nn.ModuleList(nn.Linear(2 * width, w) for w in widths)
        self.up = nn.ModuleList(nn.Linear(w, 2 * width, bias=False) for w in widths)
        for up in self.up:
            nn.init.zeros_(up.weight)  # type: ignore[arg-type]

    def features(
        self, x: Float[Tensor, "b *sizes"], y: Float[Tensor, "b *sizes"], context: Context
    ) -> Float[Tensor, "b *sizes"]:
        """The output with the bands'."""
        return y + self.added(x.movedim(self.axis, -1)).movedim(-1, self.axis)

    def added(self, x: Float[Tensor, "b *grid d"]) -> Float[Tensor, "b *grid d"]:
        """What the bands make of the features."""
        axes, grid = tuple(range(1, x.dim() - 1)), x.shape[1:-1]
        spectrum = torch.fft.rfftn(x, dim=axes, norm="ortho")
        modes = torch.view_as_real(spectrum.flatten(1, -2)).flatten(-2)
        band = self.band(grid, x.device)
        out = torch.zeros_like(modes)
        for number, (down, up) in enumerate(zip(self.down, self.up, strict=True)):
            out = out + up(F.gelu(down(modes))) * (band == number).to(modes.dtype)[:, None]
        changed = torch.view_as_complex(out.unflatten(-1, (-1, 2)).contiguous()).view(spectrum.shape)
        return torch.fft.irfftn(changed, s=grid, dim=axes, norm="ortho")

    def band(self, grid: tuple[int, ...], device: torch.device) -> Tensor:
        """The band of every mode: its distance from zero, as a share of the largest."""
        sides = [*(torch.fft.fftfreq(n) for n in grid[:-1]), torch.fft.rfftfreq(grid[-1])]
        square = sum((f**2 for f in torch.meshgrid(*sides, indexing="ij")), torch.zeros(()))
        radius = square.sqrt().flatten() / math.sqrt(len(grid) * 0.25)
        return (radius * len(self.down)).long().clamp(max=len(self.down) - 1).to(device)


@dataclass(frozen=True, kw_only=True)
class FAdapter(HookAdapter):
    """y + F^-1 [U_b gelu(D_b F[x])]: a perceptron for every band of frequencies of the token grid, beside every block.

    The published adapter sits in the spectral layers of an operator, beside which it is put where there are such (an
    FNO of neuraloperator, targets="convs"); its own transform of the tokens lets it serve any core. It sees the whole
    grid, so causal blocks are no sites.

    Published: four bands, a base width of 32 in operators of a thousand million numbers.

    Attributes:
        narrow: base width; the widths of the bands lie between half of and twice it.
        bands: number of bands.
    """

    name: ClassVar[str] = "f_adapter"
    kind: ClassVar[Kind] = "features"
    source: ClassVar[str] = "F-Adapter (NeurIPS 2025)"
    mergeable: ClassVar[bool] = False
    layers: ClassVar[tuple[type[nn.Module], ...]] = (Block,)
    targets: str = BLOCKS
    narrow: int = 4
    bands: int = 4

    def __post_init__(self) -> None:
        if self.bands < 1 or self.narrow < 1:
            raise ConfigError(f"there is at least one band of width 1, got {self.bands} of narrow={self.narrow}")

    @classmethod
    def accepts(cls, layer: nn.Module) -> bool:
        """Blocks that look both ways, and Fourier layers that keep the width."""
        if is_spectral(layer):
            return weight_of(layer).shape[0] == weight_of(layer).shape[1]
        return isinstance(layer, Block) and not layer.config.attention.causal

    def hook(self, layer: nn.Module) -> Bands:
        """The bands of a block."""
        if is_spectral(layer):
            return Bands(weight_of(layer).shape[1], self.narrow, self.bands, feature_axis(layer))
        return Bands(width_of(layer), self.narrow, self.bands)
