"""How many there will be: a network that reads counts by site and year as a context, and says the next ones."""

from .batch import CountBatch, CountForecast
from .build import build_populations
from .config import PopulationConfig, populations_nano
from .forecast import as_population_network, forecast_counts, predict_counts
from .program import CountProgram
from .scoring import evaluate_counts, measure_counts
from .surveys import CountSurveys, is_count_table, open_counts
from .virtual import VirtualPopulations

__all__ = [
    "CountBatch",
    "CountForecast",
    "CountProgram",
    "CountSurveys",
    "PopulationConfig",
    "VirtualPopulations",
    "as_population_network",
    "build_populations",
    "evaluate_counts",
    "forecast_counts",
    "is_count_table",
    "measure_counts",
    "open_counts",
    "populations_nano",
    "predict_counts",
]
