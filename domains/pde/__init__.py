"""PDE solution operators: fields and a lead time in, fields out."""

from .adapt import fit_to_data, set_statistics, with_fine_path
from .augment import Symmetry, augment, random_symmetry, transform, vector_channels
from .batch import FieldBatch, FieldPrediction
from .channels import inherit_channels, replace_channels, select_channels
from .config import Channel, FineConfig, PDEConfig
from .conservation import conservation, divergence, projected, totals, without_divergence
from .consistency import best_step, semigroup_error
from .domain import PDE, build, initialise
from .embed import FieldEmbed
from .ensembles import crps, ensemble_forecaster, ensemble_scores
from .evaluation import Evaluation, evaluate, median_table, model_forecaster
from .gains import accuracy_gain, efficiency_gain
from .generate import generate, generate_families
from .heads import ErrorHead, ForecastHead
from .indicators import Indication, evaluate_indicators
from .layouts import split_components
from .metrics import RelativeError, energy_spectrum, persistence, relative_errors, spectral_errors
from .operators import operator, operator_for
from .pretraining import DEVIATION, open_mixture, pde_nano
from .problems import PROBLEMS
from .published import config_from_published, config_to_published, is_published
from .resolution import at_resolution
from .rollout import check_lead_times, rollout
from .scot import poseidon_b, poseidon_l, poseidon_t, scot_core
from .tasks import finer_state, inversion, super_resolution, task_errors, unlabelled
from .weights import (
    RELEASES,
    model_from_published,
    published_initialisation,
    read_published,
    state_from_published,
    state_to_published,
    write_published,
)

__all__ = [
    "DEVIATION",
    "PDE",
    "PROBLEMS",
    "RELEASES",
    "Channel",
    "ErrorHead",
    "Evaluation",
    "FieldBatch",
    "FieldEmbed",
    "FieldPrediction",
    "FineConfig",
    "ForecastHead",
    "Indication",
    "PDEConfig",
    "RelativeError",
    "Symmetry",
    "accuracy_gain",
    "at_resolution",
    "augment",
    "best_step",
    "build",
    "check_lead_times",
    "config_from_published",
    "config_to_published",
    "conservation",
    "crps",
    "divergence",
    "efficiency_gain",
    "energy_spectrum",
    "ensemble_forecaster",
    "ensemble_scores",
    "evaluate",
    "evaluate_indicators",
    "finer_state",
    "fit_to_data",
    "generate",
    "generate_families",
    "inherit_channels",
    "initialise",
    "inversion",
    "is_published",
    "median_table",
    "model_forecaster",
    "model_from_published",
    "open_mixture",
    "operator",
    "operator_for",
    "pde_nano",
    "persistence",
    "poseidon_b",
    "poseidon_l",
    "poseidon_t",
    "projected",
    "published_initialisation",
    "random_symmetry",
    "read_published",
    "relative_errors",
    "replace_channels",
    "rollout",
    "scot_core",
    "select_channels",
    "semigroup_error",
    "set_statistics",
    "spectral_errors",
    "split_components",
    "state_from_published",
    "state_to_published",
    "super_resolution",
    "task_errors",
    "totals",
    "transform",
    "unlabelled",
    "vector_channels",
    "with_fine_path",
    "without_divergence",
    "write_published",
]
