"""How many there will be: a network that reads counts by site and year as a context, and says the next ones."""

from .batch import CountBatch, CountForecast
from .build import build_populations
from .config import PopulationConfig, populations_nano
from .forecast import as_population_network, forecast_counts, predict_counts
from .program import CountProgram
from .virtual import VirtualPopulations

__all__ = [
    "CountBatch",
    "CountForecast",
    "CountProgram",
    "PopulationConfig",
    "VirtualPopulations",
    "as_population_network",
    "build_populations",
    "forecast_counts",
    "populations_nano",
    "predict_counts",
]
