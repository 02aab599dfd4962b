"""Biodiversity: gridded ecosystems month by month, where species live, and how their numbers change."""

from .background import regional_background, sample_background, target_group_background
from .batch import GridBatch, GridPrediction
from .checks import clean_occurrences, flag_occurrences
from .config import AdapterConfig, GridConfig, VariableGroup
from .data import MonthDataset, open_months
from .domain import Biodiversity, build, initialise
from .embed import GridEmbed
from .environment import Environment, open_environment
from .heads import MonthHead
from .living_planet import living_planet_index
from .metrics import (
    SCORES,
    auc_pr,
    auc_roc,
    best_threshold,
    boyce,
    calibration,
    confusion,
    kappa,
    log_loss,
    score_table,
    sorensen,
    true_skill,
)
from .occurrences import generalise_occurrences, grid_occurrences, read_occurrences, thin_occurrences
from .published import config_from_published, config_to_published, is_published
from .published_tensors import state_from_published, state_to_published
from .released import bioanalyst_large, bioanalyst_medium, bioanalyst_small, biocube_groups, mvit_core, swin_core
from .rollout import push_forward_loss, rolled, rollout
from .scaling import scale, set_statistics, unscale
from .spatial_cv import (
    Folds,
    LeakageError,
    block_folds,
    block_numbers,
    buffered,
    check_leakage,
    cluster_folds,
    region_folds,
)
from .species_records import SpeciesRecords, open_species
from .trends import Trend, trim
from .weights import (
    RELEASES,
    model_from_published,
    published_record,
    read_published,
    write_published,
)

__all__ = [
    "RELEASES",
    "SCORES",
    "AdapterConfig",
    "Biodiversity",
    "Environment",
    "Folds",
    "GridBatch",
    "GridConfig",
    "GridEmbed",
    "GridPrediction",
    "LeakageError",
    "MonthDataset",
    "MonthHead",
    "SpeciesRecords",
    "Trend",
    "VariableGroup",
    "auc_pr",
    "auc_roc",
    "best_threshold",
    "bioanalyst_large",
    "bioanalyst_medium",
    "bioanalyst_small",
    "biocube_groups",
    "block_folds",
    "block_numbers",
    "boyce",
    "buffered",
    "build",
    "calibration",
    "check_leakage",
    "clean_occurrences",
    "cluster_folds",
    "config_from_published",
    "config_to_published",
    "confusion",
    "flag_occurrences",
    "generalise_occurrences",
    "grid_occurrences",
    "initialise",
    "is_published",
    "kappa",
    "living_planet_index",
    "log_loss",
    "model_from_published",
    "mvit_core",
    "open_environment",
    "open_months",
    "open_species",
    "published_record",
    "push_forward_loss",
    "read_occurrences",
    "read_published",
    "region_folds",
    "regional_background",
    "rolled",
    "rollout",
    "sample_background",
    "scale",
    "score_table",
    "set_statistics",
    "sorensen",
    "state_from_published",
    "state_to_published",
    "swin_core",
    "target_group_background",
    "thin_occurrences",
    "trim",
    "true_skill",
    "unscale",
    "write_published",
]
