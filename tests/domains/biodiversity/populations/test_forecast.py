"""The door to forecasts of counts, and the weights behind it on populations that no training has seen."""

import numpy as np
import pandas as pd
import pytest
import torch

from humboldt.cli import main
from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity.populations import (
    VirtualPopulations,
    as_population_network,
    build_populations,
    forecast_counts,
    populations_nano,
)
from humboldt.foundations import Model


@pytest.fixture(scope="module")
def nano() -> Model:
    return as_population_network(None)


def table(counts: list[list[float]], first: int = 2001) -> pd.DataFrame:
    rows = [(f"s{i}", first + j, c) for i, row in enumerate(counts) for j, c in enumerate(row)]
    return pd.DataFrame(rows, columns=["site", "year", "count"])


def test_pretraining_is_what_forecasts(nano: Model) -> None:
    torch.manual_seed(0)
    twin = build_populations(populations_nano()).eval()
    held = VirtualPopulations(200, seed=5).split("test").batch(range(120))
    with torch.inference_mode():
        assert nano.loss(held) < twin.loss(held) - 0.1
        says = nano(held)
    assert held.target is not None
    from humboldt.domains.biodiversity.populations.forecast import _quantiles

    low, high = _quantiles(says.mean.double().numpy(), says.size.double().numpy())
    inside = (held.target.numpy() >= low) & (held.target.numpy() <= high)
    assert 0.9 < inside.mean() < 0.995


def test_a_fall_is_followed_down_and_a_steady_population_stays() -> None:
    years = np.arange(10)
    falling = [[round(60 * 0.8**j) for j in years] for _ in range(8)]
    steady = [[30 + (i + j) % 3 for j in years] for i in range(8)]
    fell = forecast_counts(table(falling), 2)
    stayed = forecast_counts(table(steady), 2)
    last = falling[0][-1]
    assert fell.groupby("year")["mean"].mean().between(0.4 * last, 1.5 * last).all()  # the mean of the past is 3.3 last
    assert stayed.groupby("year")["mean"].mean().between(26, 36).all()
    assert (stayed["lower"] < stayed["mean"]).all()
    assert (stayed["upper"] > stayed["mean"]).all()
    assert fell["year"].unique().tolist() == [2011, 2012]


def test_sites_that_were_never_counted_get_the_mean_of_others() -> None:
    counts = table([[20.0, 22, 19, 21], [18.0, 20, 23, 20], [np.nan] * 4])
    found = forecast_counts(counts).set_index("site")["mean"]
    assert 8 < found["s2"] < 40


@pytest.mark.parametrize(
    ("counts", "years", "message"),
    [
        (table([[1.0, 2.0]]), 0, "1 to 8 years ahead, got 0; ask for fewer"),
        (table([[1.0, -2.0]]), 1, "at least 0, got -2; correct or drop that row"),
        (table([[np.nan, np.nan]]), 1, "got none up to 2002"),
        (table([[1.0, 2.0]]).drop(columns="count"), 1, "without 'count'"),
    ],
)
def test_what_breaks_a_rule_is_named(counts, years, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=message):
        forecast_counts(counts, years)


def test_another_model_is_refused() -> None:
    from importlib import resources
    from pathlib import Path

    other = Path(str(resources.files("humboldt.domains.pretrained") / "biodiversity-nano"))
    with pytest.raises(DataError, match="by a network of populations, got another model in"):
        forecast_counts(table([[1.0, 2.0]]), model=other)


@pytest.mark.integration
def test_skylarks_are_forecast_better_than_by_the_line_of_trim(shared) -> None:  # type: ignore[no-untyped-def]
    """One to three years ahead, from three years on; root mean square error of ln(1 + count)."""
    import sys

    sys.path.insert(0, "benchmarks/populations")
    from run import network, of_skylark, trim_line

    path = shared / "data/biodiversity/skylark_trend/skylark.csv"
    found = of_skylark(path, {"nano": network(as_population_network(None)), "trim": trim_line})
    means = found.groupby("method")["rmse_log"].mean()
    assert means["nano"] < means["trim"]


def test_the_command_forecasts_the_years_that_are_asked_for(tmp_path, capsys):
    random = np.random.default_rng(0)
    places = [(place, year) for place in "ab" for year in range(2001, 2011)]
    table = pd.DataFrame(places, columns=["site", "year"]).assign(count=random.poisson(9, len(places)))
    table.to_csv(tmp_path / "counts.csv", index=False)
    words = ["predict", "humboldt/populations-nano", str(tmp_path / "counts.csv"), "--lead-times", "1,3"]
    assert main([*words, "--output", str(tmp_path / "next.csv")]) == 0
    assert "4 rows in" in capsys.readouterr().out
    found, expected = pd.read_csv(tmp_path / "next.csv"), forecast_counts(table, 3)
    pd.testing.assert_frame_equal(found, expected[expected["year"].isin([2011, 2013])].reset_index(drop=True))
    assert main([*words[:-1], "1.5"]) == 2
    assert "whole years from 1 on, got [1.5]; round them" in capsys.readouterr().err
    assert main([*words, "--opening", "{cont: n}"]) == 2
    assert "got 'cont'; did you mean 'count'?" in capsys.readouterr().err
