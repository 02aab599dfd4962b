"""How the models that come with the package were made."""

from .biodiversity import pretrain_biodiversity_nano
from .graphs import pretrain_molecules_nano
from .pde import pretrain_pde_nano
from .weather import pretrain_weather_nano

EMBEDDED = {
    "humboldt/pde-nano": pretrain_pde_nano,
    "humboldt/weather-nano": pretrain_weather_nano,
    "humboldt/biodiversity-nano": pretrain_biodiversity_nano,
    "humboldt/molecules-nano": pretrain_molecules_nano,
}
"""What makes each embedded model again: (folder of data, run folder) -> model."""
