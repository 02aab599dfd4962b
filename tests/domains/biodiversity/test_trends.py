"""Trends: the published figures, exact cases, and what is refused."""

import json

import numpy as np
import pandas as pd
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity import trim

SETTINGS = ("1a", "1b", "1c", "1d", "1e", "1f", "2a", "2b", "3a", "4a", "4b", "4c", "4d", "4e", "4f", "x1", "x2", "x3")


@pytest.mark.parametrize("name", SETTINGS)
def test_the_original_program_printed_the_same(shared, name):
    folder = shared / "data" / "biodiversity" / "skylark_trend"
    printed = json.loads((folder / "trim_results.json").read_text())[name]
    trend = trim(
        pd.read_csv(folder / "skylark.csv"),
        model=printed["model"],
        changepoints=[1983 + int(c) for c in (printed["changepoints"] or "").split()],
        stepwise=printed["stepwise"] == "on",
        covariates=["habitat"] if printed["covariates"] else [],
        weight="weight" if printed["weighting"] == "on" else None,
        overdispersion=printed["overdispersion"] == "on",
        serial_correlation=printed["serial_correlation"] == "on",
    )
    for row, found in zip(printed["time_indices"], trend.indices.to_numpy(), strict=True):
        expected = row[1:] if len(row) == 5 else [1, 0, 1, 0]
        assert found == pytest.approx(expected, abs=5.2e-5)  # one index lies 1e-6 beyond the border of rounding
    assert trend.totals.to_numpy() == pytest.approx(np.array(printed["time_totals"])[:, 1:], abs=0.501)
    for kind in ("model", "imputed"):
        if printed[f"overall_slope_{kind}"]:
            assert trend.slopes.loc[kind].to_numpy() == pytest.approx(printed[f"overall_slope_{kind}"], abs=5.01e-5)
    for ours, theirs, half in (
        (trend.overdispersion, printed["estimated_overdispersion"], 5.01e-4),
        (trend.serial_correlation, printed["estimated_serial_correlation"], 5.01e-4),
        (trend.chi_square, printed["chi_square"], 5.01e-3),
        (trend.likelihood_ratio, printed["likelihood_ratio"], 5.01e-3),
        (trend.aic, printed["aic"], 5.01e-3),
    ):
        assert ours == (None if theirs is None else pytest.approx(theirs, abs=half))


def counts(table, first=2000):
    """A row per site and year; NaN was not counted."""
    rows = [(f"s{i}", first + j, value) for i, row in enumerate(table) for j, value in enumerate(row)]
    return pd.DataFrame(rows, columns=["site", "year", "count"])


def test_without_gaps_the_index_is_the_ratio_of_totals():
    table = np.array([[4.0, 8, 6], [10, 5, 9], [1, 2, 2]])
    trend = trim(counts(table), overdispersion=False, serial_correlation=False)
    assert trend.indices["imputed"].to_numpy() == pytest.approx(table.sum(0) / table[:, 0].sum())
    ratio = table[:, 1].sum() / table[:, 0].sum()
    error = ratio * np.sqrt(1 / table[:, 0].sum() + 1 / table[:, 1].sum())
    assert trend.indices["model_error"].iloc[1] == pytest.approx(error)
    assert trend.degrees == 9 - 3 - 2


def test_a_gap_is_filled_by_site_and_year():
    trend = trim(counts([[10, 20], [30, np.nan]]), overdispersion=False, serial_correlation=False)
    assert trend.imputed.loc["s1", 2001] == pytest.approx(60)
    assert trend.indices["imputed"].iloc[1] == pytest.approx(2)


def test_another_base_year():
    trend = trim(
        counts([[10, 20, 40], [5, 10, 20]]), base=2001, model=2, overdispersion=False, serial_correlation=False
    )
    assert trend.indices["model"].to_numpy() == pytest.approx([0.5, 1, 2])
    assert trend.slopes.loc["model", "multiplicative"] == pytest.approx(2)
    assert trend.indices["model_error"].loc[2001] == pytest.approx(0, abs=1e-9)


def test_a_needless_change_point_goes():
    random = np.random.default_rng(0)
    table = random.poisson(40 * np.exp(0.2 * np.abs(np.arange(9) - 4)), (12, 9))
    trend = trim(counts(table), model=2, changepoints=range(2000, 2008), stepwise=True)
    assert 2004 in trend.changepoints
    assert len(trend.changepoints) < 5


@pytest.mark.parametrize(
    ("table", "choices", "message"),
    [
        ([[1, -2]], {}, "counts are at least 0, got -2"),
        ([[0, 0], [1, 2]], {}, r"at least one count above 0.*got none at \['s0'\]; drop these sites"),
        ([[1, 2]], {"model": 1}, r"is 2 \(a line\) or 3 \(a free effect a year\), got 1"),
        ([[1, 2]], {"changepoints": [2000]}, "change points belong to model 2"),
        ([[1, 2, 3]], {"model": 2, "changepoints": [2002]}, "a year from 2000 to 2001, got 2002"),
        ([[1, 2, 3], [3, 4, 4]], {"base": 1999}, "one of 2000 to 2002, got 1999"),
        ([[1, 2]], {"covariates": ["habitt"]}, "without 'habitt'"),
        ([[5, np.nan, 4, 4], [3, np.nan, 2, 3]], {}, "to tell its effect from, got none in 2001; use model=2"),
        ([[5, 0, 4, 4], [3, 0, 2, 3]], {}, "has a count above 0 to tell .*, got none in 2001; use model=2"),
        ([[0, 5, 4, 4], [0, 3, 2, 3]], {}, "got none in 2000; use model=2"),
        ([[5, np.nan, 4], [3, np.nan, 2]], {"model": 2}, "two years running, got none; use serial_correlation=False"),
        (
            [[0, 0, 0, 4, 6], [0, 0, 0, 5, 9]],
            {"model": 2, "changepoints": [2000, 2001, 2002]},
            "settle in 200 rounds, got a change of .*; use fewer change points",
        ),
        ([[1, 2]], {}, "more counts than the model has parameters, got 2 counts and 2 parameters"),
    ],
)
def test_what_breaks_a_rule_is_named(table, choices, message):
    with pytest.raises(DataError, match=message):
        trim(counts(table), **choices)


def test_a_year_without_a_category_is_named():
    table = counts([[4, 8, 6, 5], [10, 5, 9, 8], [1, 0, 2, 3], [3, 0, 4, 4]])
    table["habitat"] = np.where(table["site"].isin(["s0", "s1"]), "wood", "field")
    assert trim(table).indices.notna().all().all()
    with pytest.raises(DataError, match="got none in 2001 where habitat is 'field'; use model=2, or fewer covariates"):
        trim(table, covariates=["habitat"])


def test_years_that_were_counted_by_turns_need_no_serial_correlation():
    table = np.random.default_rng(0).poisson(20 * np.exp(-0.1 * np.arange(11)), (12, 11)).astype(float)
    table[:, 1::2] = np.nan
    trend = trim(counts(table), model=2, serial_correlation=False)
    assert trend.slopes.loc["model", "additive"] == pytest.approx(-0.1, abs=0.03)
    assert trend.indices.notna().all().all()


def test_two_rows_of_a_year_are_refused():
    table = counts([[1, 2], [3, 4]])
    with pytest.raises(DataError, match="got two rows of s1 in 2001; add them up first"):
        trim(pd.concat([table, table.tail(1)]))
