"""Biodiversity: gridded ecosystems month by month, where species live, and how their numbers change."""

from .batch import GridBatch, GridPrediction
from .config import AdapterConfig, GridConfig, VariableGroup
from .data import MonthDataset, open_months
from .domain import Biodiversity, build, initialise
from .embed import GridEmbed
from .heads import MonthHead
from .living_planet import living_planet_index
from .published import config_from_published, config_to_published, is_published
from .released import bioanalyst_large, bioanalyst_medium, bioanalyst_small, biocube_groups, mvit_core, swin_core
from .rollout import push_forward_loss, rollout
from .scaling import scale, set_statistics, unscale
from .trends import Trend, trim
from .weights import (
    model_from_published,
    published_record,
    read_published,
    state_from_published,
    state_to_published,
    write_published,
)

__all__ = [
    "AdapterConfig",
    "Biodiversity",
    "GridBatch",
    "GridConfig",
    "GridEmbed",
    "GridPrediction",
    "MonthDataset",
    "MonthHead",
    "Trend",
    "VariableGroup",
    "bioanalyst_large",
    "bioanalyst_medium",
    "bioanalyst_small",
    "biocube_groups",
    "build",
    "config_from_published",
    "config_to_published",
    "initialise",
    "is_published",
    "living_planet_index",
    "model_from_published",
    "mvit_core",
    "open_months",
    "published_record",
    "push_forward_loss",
    "read_published",
    "rollout",
    "scale",
    "set_statistics",
    "state_from_published",
    "state_to_published",
    "swin_core",
    "trim",
    "unscale",
    "write_published",
]
