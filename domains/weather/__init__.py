"""Weather and climate: states of the atmosphere on the sphere and a lead time in, the state at the target time out."""

from .batch import WeatherBatch, WeatherPrediction
from .channels import Channel
from .config import WeatherConfig
from .domain import Weather, build, initialise, unit_core
from .embed import WeatherEmbed
from .grid import Grid, merra2, regular
from .heads import StateHead, squared_error
from .masking import TokenMask, given_mask, observed_mask, random_mask
from .published import config_from_published, config_to_published, is_published, prithvi_wxc, prithvi_wxc_small
from .rollout import rollout
from .weights import (
    model_from_published,
    published_state,
    read_published,
    state_from_published,
    state_to_published,
    write_published,
)

__all__ = [
    "Channel",
    "Grid",
    "StateHead",
    "TokenMask",
    "Weather",
    "WeatherBatch",
    "WeatherConfig",
    "WeatherEmbed",
    "WeatherPrediction",
    "build",
    "config_from_published",
    "config_to_published",
    "given_mask",
    "initialise",
    "is_published",
    "merra2",
    "model_from_published",
    "observed_mask",
    "prithvi_wxc",
    "prithvi_wxc_small",
    "published_state",
    "random_mask",
    "read_published",
    "regular",
    "rollout",
    "squared_error",
    "state_from_published",
    "state_to_published",
    "unit_core",
    "write_published",
]
