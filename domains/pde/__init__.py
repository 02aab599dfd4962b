"""PDE solution operators: fields and a lead time in, fields out."""

from .batch import FieldBatch, FieldPrediction
from .channels import replace_channels, select_channels
from .config import Channel, PDEConfig
from .domain import build, initialise, poseidon_b, poseidon_l, poseidon_t, scot_core
from .embed import FieldEmbed
from .heads import ForecastHead
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
    "Channel",
    "FieldBatch",
    "FieldEmbed",
    "FieldPrediction",
    "ForecastHead",
    "PDEConfig",
    "build",
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
