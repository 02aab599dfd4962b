"""Errors of forecasts of counts, against sums by hand."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from humboldt.domains.biodiversity.populations import (
    CountBatch,
    CountForecast,
    build_populations,
    evaluate_counts,
    measure_counts,
    open_counts,
    populations_nano,
)
from humboldt.domains.biodiversity.populations.scoring import last_counts
from humboldt.foundations import Head, Model, Tokens


class Twice(Head[CountBatch, CountForecast]):
    """Forecasts twice the last count."""

    def forward(self, tokens: Tokens, batch: CountBatch) -> CountForecast:
        assert not self.training
        return CountForecast(2 * last_counts(batch), torch.ones(batch.counts.shape[:2]))

    def loss(self, prediction: CountForecast, batch: CountBatch) -> torch.Tensor:
        assert batch.target is not None
        return (prediction.mean - batch.target).abs().nanmean()


@pytest.fixture
def model() -> Model:
    return build_populations(populations_nano()).with_head(Twice())


def counts() -> pd.DataFrame:
    rows = [
        ("a", 2000, 4), ("a", 2001, 9), ("a", 2002, 1),
        ("b", 2000, 0), ("b", 2001, 3), ("b", 2002, 6),
        ("c", 2000, 2), ("c", 2001, None), ("c", 2002, 5),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["site", "year", "count"])


def test_errors_are_those_of_sites_that_had_the_species(model: Model) -> None:
    found = evaluate_counts({"model": model.train()}, open_counts(counts()), batch_size=2)
    assert model.training
    # a year ahead: from 2000 at a (b had none, c was not counted next), from 2001 at a, b and c
    logs = [math.log(9 / 10), math.log(19 / 2), math.log(7 / 7), math.log(5 / 6)]
    assert float(found["rmse_log"].sel(forecast="model", lead_time=1)) == pytest.approx(
        math.sqrt(np.mean(np.square(logs)))
    )
    assert float(found["mae"].sel(forecast="persistence", lead_time=1)) == pytest.approx((5 + 8 + 3 + 3) / 4)
    assert float(found["mae"].sel(forecast="persistence", lead_time=2)) == pytest.approx((3 + 3) / 2)
    assert found["lead_time"].attrs["units"] == "years"


def test_the_measure_is_the_mean_over_populations(model: Model) -> None:
    both = pd.concat([counts().assign(species="wren"), counts().assign(species="lark", count=5.0)])
    found = measure_counts(model, open_counts(both))
    lark = math.log(11 / 6)
    squares = [math.log(9 / 10), math.log(19 / 2), 0, math.log(5 / 6), math.log(9 / 2), math.log(5 / 6)]
    wren = math.sqrt(np.mean(np.square(squares)))
    assert found.value == pytest.approx((lark + wren) / 2, rel=1e-5)
    assert found.samples is not None
    by: dict[str, Any] = found.samples.by_column()["all lead times"]
    assert by == pytest.approx({"wren, sites 1 to 3": wren, "lark, sites 1 to 3": lark}, rel=1e-5)


def test_a_population_that_no_site_is_scored_of_has_no_score(model: Model) -> None:
    rare = counts().assign(species="rare", count=[3, np.nan, np.nan, 0, 2, 1, np.nan, np.nan, np.nan])
    # from 2000 only a had it, which was not counted again; from 2001 on b has it
    rare.loc[rare["year"] == 2002, "count"] = np.nan
    both = pd.concat([counts().assign(species="wren"), rare])
    found = measure_counts(model, open_counts(both))
    assert found.samples is not None
    by = found.samples.by_column()["all lead times"]
    assert math.isnan(by["rare, sites 1 to 3"])
    assert found.value == pytest.approx(by["wren, sites 1 to 3"], rel=1e-5)
