"""The door: counts by site and year in, the counts of next years out."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from humboldt.data_catalog import DataError
from humboldt.foundations import Model, choose, from_dict, load_strictly, read_config, read_weights

from ..record_files import read_records
from ..trends import count_grid
from .batch import CountBatch
from .build import build_populations
from .config import PopulationConfig
from .virtual import FARTHEST, YEARS

TAILS = (0.025, 0.975)


def forecast_counts(
    counts: pd.DataFrame,
    years: int = 1,
    *,
    model: Model | str | Path | None = None,
    site: str = "site",
    year: str = "year",
    count: str = "count",
) -> pd.DataFrame:
    """Counts of the next years at every site; nothing is trained: a pretrained network reads the series.

    Args:
        counts: a row per site and year, as for `trim`; a missing row or an empty count was not counted. The last 16
            years are read.
        years: how many to go ahead, up to 8.
        model: a network of populations, or its folder; `humboldt/populations-nano` by default.
        site, year, count: names of the columns.

    Returns:
        `site`, `year`, `mean`, and `lower` and `upper` between which 95 % of the counts of the site are expected. Sites
        are uncertain each on its own: the interval of a total is wider than that of a sum of independent counts.

    Raises:
        DataError: names what breaks a rule: columns, repeated rows, negative counts, nothing counted, years.
    """
    if not 1 <= years <= FARTHEST:
        raise DataError(f"a forecast goes 1 to {FARTHEST} years ahead, got {years}; ask for fewer")
    observed, when = count_grid(counts, site, year, count)
    table = observed.to_numpy(float)[:, -YEARS:]
    if not np.isfinite(table).any():
        raise DataError(f"a forecast starts from counts of the last {YEARS} years, got none up to {when[-1]}")
    network, parts = as_population_network(model), []
    for ahead in range(1, years + 1):
        mean, size = _asked(network, table, ahead)
        bounds = _quantiles(mean, size)
        rows = {site: observed.index, year: when[-1] + ahead, "mean": mean, "lower": bounds[0], "upper": bounds[1]}
        parts.append(pd.DataFrame(rows))
    return pd.concat(parts, ignore_index=True)


def predict_counts(
    model: Model, source: Any, lead_times: Sequence[float] = (), *, species: str = "species", **columns: Any
) -> pd.DataFrame:
    """The counts after whole years, as `forecast_counts` makes them, of a table or a file of one (`read_records`).

    With a column `species` (or what `species` names) each species is forecast by itself, and the result has it too.

    Raises:
        DataError: years that are not whole, and as `forecast_counts` says.
    """
    choose(forecast_counts, columns)
    wanted = [float(t) for t in lead_times] or [1.0]
    if any(t != round(t) or t < 1 for t in wanted):
        raise DataError(f"lead times of populations are whole years from 1 on, got {wanted}; round them")
    counts = source if isinstance(source, pd.DataFrame) else read_records(Path(source))
    kinds = counts.groupby(species, sort=False) if species in counts else [(None, counts)]
    parts = []
    for name, table in kinds:
        made = forecast_counts(table, round(max(wanted)), model=model, **columns)
        years = made[columns.get("year", "year")]
        kept = made[years.isin([years.min() - 1 + round(t) for t in wanted])]
        parts.append(kept if name is None else kept.assign(**{species: name})[[species, *kept]])
    return pd.concat(parts, ignore_index=True)


def _asked(network: Model, table: np.ndarray, ahead: int) -> tuple[np.ndarray, np.ndarray]:
    seen = torch.tensor(table, dtype=torch.float32)[None]
    batch = CountBatch(seen.nan_to_num(0.0), seen.isfinite(), torch.tensor([float(ahead)]))
    with torch.inference_mode():
        says = network(batch)
    return says.mean[0].double().numpy(), says.size[0].double().numpy()


def _quantiles(mean: np.ndarray, size: np.ndarray) -> np.ndarray:
    from scipy.stats import nbinom

    return np.stack([nbinom.ppf(tail, size, size / (size + mean)) for tail in TAILS])


def as_population_network(model: Model | str | Path | None) -> Model:
    """A network of populations, by default the one that comes with the package.

    Raises:
        DataError: a model of something else.
    """
    if model is None:
        model = Path(str(resources.files("humboldt.domains.pretrained") / "populations-nano"))
    if not isinstance(model, Model):
        record = read_config(Path(model))
        if "largest_change" not in record.get("config", {}):
            raise DataError(f"counts are forecast by a network of populations, got another model in {model}")
        fresh = build_populations(from_dict(PopulationConfig, record["config"]))
        model = load_strictly(fresh, read_weights(Path(model), record.get("sha256")))
    if not isinstance(model.config, PopulationConfig):
        raise DataError(f"counts are forecast by a network of populations, got {model!r}")
    return model.eval()
