"""A small network, a small region, and species in it."""

import numpy as np
import pandas as pd
import torch
import xarray as xr

from humboldt.domains.biodiversity import Environment
from humboldt.domains.biodiversity.distribution import (
    SpeciesConfig,
    VirtualRegion,
    build_species,
    virtual_occurrences,
    virtual_region,
    virtual_species,
)
from humboldt.foundations import AttentionConfig, BlockConfig, CoreConfig, Model, ScaleConfig


def config() -> SpeciesConfig:
    block = BlockConfig(attention=AttentionConfig(heads=2), hidden=32)
    core = CoreConfig(axes=1, scales=(ScaleConfig(width=16, down=(block,)),), condition=8, final_norm=True)
    return SpeciesConfig(core=core, knots=8, responses=6, space=3, hidden=8)


def network(seed: int = 0) -> Model:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build_species(config()).eval()


def region(seed: int = 0, variables: int = 4, side: int = 24) -> VirtualRegion:
    return virtual_region(np.random.default_rng(seed), variables, side)


def environment(of: VirtualRegion, degrees: float = 0.1) -> Environment:
    layers = of.layers()
    layers = layers.assign_coords(x=layers["x"] * degrees, y=layers["y"] * degrees)
    return Environment(layers, "EPSG:4326")


def occurrences(of: VirtualRegion, species: int = 2, number: int = 20, degrees: float = 0.1) -> pd.DataFrame:
    probability = virtual_species(np.random.default_rng(1), of, species)
    records = virtual_occurrences(of, probability, number, seed=2)
    return records.assign(**{c: records[c] * degrees for c in ("decimalLongitude", "decimalLatitude")})


def maps(suitability: np.ndarray, step: float = 1.0) -> xr.Dataset:
    """Maps of one species with this suitability, y downwards."""
    rows, columns = suitability.shape
    axes = {"y": np.arange(rows)[::-1] * step, "x": np.arange(columns) * step}
    field = xr.DataArray(suitability[None], {"species": ["one"], **axes}, ("species", "y", "x"))
    fields = dict.fromkeys(("suitability", "lower", "upper"), field)
    return xr.Dataset({**fields, "extrapolation": field[0].drop_vars("species")})
