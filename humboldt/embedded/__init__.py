"""How the models that come with the package were made."""

from collections.abc import Callable
from pathlib import Path

from humboldt.foundations import Model

from .biodiversity import pretrain_biodiversity_nano, pretrain_populations_nano
from .graphs import pretrain_molecules_nano
from .pde import pretrain_pde_nano, pretrain_pde_nano_fine
from .weather import pretrain_weather_nano

EMBEDDED: dict[str, Callable[[str | Path, str | Path], Model]] = {
    "humboldt/pde-nano": pretrain_pde_nano,
    "humboldt/pde-nano-fine": pretrain_pde_nano_fine,
    "humboldt/weather-nano": pretrain_weather_nano,
    "humboldt/biodiversity-nano": pretrain_biodiversity_nano,
    "humboldt/populations-nano": pretrain_populations_nano,
    "humboldt/molecules-nano": pretrain_molecules_nano,
}
"""What makes each embedded model again: (folder of data, run folder) -> model."""
