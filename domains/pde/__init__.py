"""PDE solution operators: fields and a lead time in, fields out."""

from .adapt import fit_to_data, set_statistics
from .batch import FieldBatch, FieldPrediction
from .config import Channel, PDEConfig
from .domain import build, initialise, poseidon_b, poseidon_l, poseidon_t, scot_core
from .embed import FieldEmbed
from .heads import ForecastHead

__all__ = [
    "Channel",
    "FieldBatch",
    "FieldEmbed",
    "FieldPrediction",
    "ForecastHead",
    "PDEConfig",
    "build",
    "fit_to_data",
    "initialise",
    "poseidon_b",
    "poseidon_l",
    "poseidon_t",
    "scot_core",
    "set_statistics",
]
