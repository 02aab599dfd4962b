"""The variables of BioCube that the published BioAnalyst models take, with units and weights in the loss.

Row order of `biocube_statistics.csv` within a group is that of the published batches, in which the weights of the
embedding take them; the order here is that of the decoder.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib import resources

from .config import VariableGroup

LEVELS = (1000.0, 925.0, 850.0, 700.0, 600.0, 500.0, 400.0, 300.0, 250.0, 200.0, 150.0, 100.0, 50.0)
TAXA = (
    *("1340361", "1340503", "1536449", "1898286", "1920506", "2430567", "2431885", "2433433", "2434779", "2435240"),
    *("2435261", "2437394", "2441454", "2473958", "2491534", "2891770", "3034825", "4408498", "5218786", "5219073"),
    *("5219173", "5219219", "5844449", "8002952", "8077224", "8894817", "8909809", "9809229"),
)
PER_MONTH = "records per cell and month"

# group -> variable -> (unit, weight in the published loss)
TABLE: dict[str, dict[str, tuple[str, float]]] = {
    "surface": {
        "t2m": ("K", 2.5),
        "msl": ("Pa", 1.5),
        "slt": ("1", 0.8),
        "z": ("m2 s-2", 1.0),
        "u10": ("m s-1", 0.77),
        "v10": ("m s-1", 0.66),
        "lsm": ("1", 1.2),
    },
    "edaphic": {"swvl1": ("m3 m-3", 1.1), "swvl2": ("m3 m-3", 0.9), "stl1": ("K", 0.7), "stl2": ("K", 0.6)},
    "atmospheric": {
        "z": ("m2 s-2", 2.8),
        "t": ("K", 1.7),
        "u": ("m s-1", 0.87),
        "v": ("m s-1", 0.6),
        "q": ("kg kg-1", 0.78),
    },
    "climate": {
        "smlt": ("m", 1.0),
        "tp": ("m", 2.2),
        "csfr": ("kg m-2 s-1", 0.6),
        "avg_sdswrf": ("W m-2", 0.9),
        "avg_snswrf": ("W m-2", 0.7),
        "avg_snlwrf": ("W m-2", 0.5),
        "avg_tprate": ("kg m-2 s-1", 2.0),
        "avg_sdswrfcs": ("W m-2", 0.5),
        "sd": ("m", 0.9),
        "t2m": ("K", 2.5),
        "d2m": ("K", 1.3),
    },
    "species": dict.fromkeys(TAXA, (PER_MONTH, 10.0)),
    "vegetation": {"NDVI": ("1", 0.8)},
    "land": {"Land": ("km2", 0.6)},
    "agriculture": {"Agriculture": ("percent", 0.4), "Arable": ("percent", 0.3), "Cropland": ("percent", 0.4)},
    "forest": {"Forest": ("percent", 1.2)},
    "redlist": {"RLI": ("1", 1.3)},
    "misc": {"avg_slhtf": ("W m-2", 1.2), "avg_pevr": ("kg m-2 s-1", 1.0)},
}
GROUPS = tuple(TABLE)


def variable_group(name: str, variables: tuple[str, ...] = (), levels: tuple[float, ...] = ()) -> VariableGroup:
    """A group with the units and weights that its variables have in BioCube; unknown ones have no unit and weight 1.

    Args:
        name: one of `GROUPS`.
        variables: some of its variables, all by default.
        levels: pressure levels in hPa, of the atmospheric group.
    """
    known = TABLE[name]
    chosen = variables or tuple(known)
    units, weights = zip(*(known.get(v, ("", 10.0 if name == "species" else 1.0)) for v in chosen), strict=True)
    return VariableGroup(name=name, variables=chosen, units=units, weights=weights, levels=levels)


def statistics() -> Iterator[tuple[str, str, int, dict[str, float]]]:
    """(group, variable, level index, {mean, std, min, max}) of the batches of the published training."""
    text = resources.files(__package__).joinpath("biocube_statistics.csv").read_text()
    for row in csv.DictReader(line for line in text.splitlines() if not line.startswith("#")):
        values = {key: float(row[key]) for key in ("mean", "std", "min", "max")}
        yield row["group"].removesuffix("_variables"), row["variable"], int(row["level_index"] or 0), values


def batch_order(group: str) -> tuple[str, ...]:
    """The variables of a group in the order of the published batches."""
    return tuple(dict.fromkeys(variable for name, variable, _, _ in statistics() if name == group))
