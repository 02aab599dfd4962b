"""Weather and climate: states of the atmosphere on the sphere and a lead time in, the state at the target time out."""

from . import metrics, spectra, verification
from .adapt import arranged, fit_to_data, set_statistics
from .analyses import open_analyses
from .batch import TaskBatch, WeatherBatch, WeatherPrediction
from .channels import Channel
from .climatology import PublishedClimatology, TableClimatology, make_climatology, open_climatology
from .config import TaskConfig, WeatherConfig, unit_core
from .data import open_weather
from .dataset import WeatherDataset
from .domain import Weather, build, for_task, initialise
from .downscaling import bicubic
from .embed import WeatherEmbed
from .evaluation import WeatherScores, evaluate
from .forcings import static_fields
from .forecast import forecast, write_forecast
from .gaps import fill_gaps, reconstructed
from .generate import held_suarez, shallow_water
from .grid import Grid, merra2, regular
from .heads import StateHead, squared_error
from .labelled import batch_from_xarray, batch_to_xarray, forecast_to_xarray
from .maps import forecast_maps
from .masking import TokenMask, given_mask, observed_mask, random_mask
from .objective import MaskedForecasts, rollout_loss
from .pictures import lead_time_curves, scorecard, storm_tracks
from .pretraining import fresh_weather_nano, open_views, weather_nano
from .published import config_from_published, config_to_published, is_published, prithvi_wxc, prithvi_wxc_small
from .regrid import regrid
from .rollout import rollout
from .stations import gridded_stations
from .task_predictions import task_predictions
from .task_scores import task_errors
from .tasks import Downscaling, SubgridFluxes, reconstructions
from .tracker import Criteria, track, track_errors
from .weights import (
    RELEASES,
    model_from_published,
    published_state,
    read_published,
    state_from_published,
    state_to_published,
    write_published,
)
from .wxc_files import open_wxc_files, published_sample, read_wxc_statistics

__all__ = [
    "RELEASES",
    "Channel",
    "Criteria",
    "Downscaling",
    "Grid",
    "MaskedForecasts",
    "PublishedClimatology",
    "StateHead",
    "SubgridFluxes",
    "TableClimatology",
    "TaskBatch",
    "TaskConfig",
    "TokenMask",
    "Weather",
    "WeatherBatch",
    "WeatherConfig",
    "WeatherDataset",
    "WeatherEmbed",
    "WeatherPrediction",
    "WeatherScores",
    "arranged",
    "batch_from_xarray",
    "batch_to_xarray",
    "bicubic",
    "build",
    "config_from_published",
    "config_to_published",
    "evaluate",
    "fill_gaps",
    "fit_to_data",
    "for_task",
    "forecast",
    "forecast_maps",
    "forecast_to_xarray",
    "fresh_weather_nano",
    "given_mask",
    "gridded_stations",
    "held_suarez",
    "initialise",
    "is_published",
    "lead_time_curves",
    "make_climatology",
    "merra2",
    "metrics",
    "model_from_published",
    "observed_mask",
    "open_analyses",
    "open_climatology",
    "open_views",
    "open_weather",
    "open_wxc_files",
    "prithvi_wxc",
    "prithvi_wxc_small",
    "published_sample",
    "published_state",
    "random_mask",
    "read_published",
    "read_wxc_statistics",
    "reconstructed",
    "reconstructions",
    "regrid",
    "regular",
    "rollout",
    "rollout_loss",
    "scorecard",
    "set_statistics",
    "shallow_water",
    "spectra",
    "squared_error",
    "state_from_published",
    "state_to_published",
    "static_fields",
    "storm_tracks",
    "task_errors",
    "task_predictions",
    "track",
    "track_errors",
    "unit_core",
    "verification",
    "weather_nano",
    "write_forecast",
    "write_published",
]
