"""PDE solution operators: fields and a lead time in, fields out."""

from .augment import Symmetry, augment, random_symmetry, transform, vector_channels
from .batch import FieldBatch, FieldPrediction
from .channels import replace_channels, select_channels
from .config import Channel, PDEConfig
from .domain import PDE, build, initialise, poseidon_b, poseidon_l, poseidon_t, scot_core
from .embed import FieldEmbed
from .evaluation import Evaluation, evaluate, median_table, model_forecaster
from .heads import ForecastHead
from .metrics import RelativeError, energy_spectrum, persistence, relative_errors, spectral_errors
from .rollout import check_lead_times, rollout
from .published import config_from_published, config_to_published, is_published
from .weights import (
    model_from_published,
    published_initialisation,
    read_published,
    state_from_published,
    state_to_published,
    write_published,
)

__all__ = [
    "PDE",
    "Channel",
    "Evaluation",
    "FieldBatch",
    "FieldEmbed",
    "FieldPrediction",
    "ForecastHead",
    "PDEConfig",
    "RelativeError",
    "Symmetry",
    "augment",
    "build",
    "check_lead_times",
    "energy_spectrum",
    "evaluate",
    "initialise",
    "median_table",
    "model_forecaster",
    "persistence",
    "poseidon_b",
    "poseidon_l",
    "poseidon_t",
    "random_symmetry",
    "relative_errors",
    "rollout",
    "scot_core",
    "spectral_errors",
    "transform",
    "vector_channels",
    "config_from_published",
    "config_to_published",
    "initialise",
    "is_published",
    "model_from_published",
    "poseidon_b",
    "poseidon_l",
    "poseidon_t",
    "published_initialisation",
    "read_published",
    "replace_channels",
    "scot_core",
    "select_channels",
    "state_from_published",
    "state_to_published",
    "write_published",
]
