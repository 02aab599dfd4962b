import numpy as np
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity.distribution import (
    SpeciesModel,
    permutation_importance,
    plot_map,
    plot_responses,
    response_curves,
)
from tests.domains.biodiversity.distribution.small import environment, network, occurrences, region

HERE = region()
LAYERS = environment(HERE)
MODEL = SpeciesModel(network()).fit(occurrences(HERE), LAYERS, background=200)


def test_a_curve_is_the_mean_over_the_background() -> None:
    curves = response_curves(MODEL, points=5)
    value = float(curves["value"].sel(variable="variable_2")[3])
    asked = MODEL.predict(MODEL.background_.assign(variable_2=value))
    expected = asked[f"{MODEL.species_[1]} suitability"].mean()
    found = float(curves["suitability"].sel(species=MODEL.species_[1], variable="variable_2")[3])
    assert found == pytest.approx(expected, abs=1e-5)


def test_a_variable_that_says_nothing_has_no_importance() -> None:
    table = MODEL.background_.assign(scientificName=MODEL.species_[0], variable_3=0.0)
    logit = MODEL.answer(table)[0][0]
    table["present"] = logit > np.median(logit)  # as if the model were right everywhere
    one = SpeciesModel(network()).fit(occurrences(HERE, 1), LAYERS, background=200)
    found = permutation_importance(one, table.assign(scientificName=one.species_[0])).set_index("variable")
    assert found.loc["variable_3", "importance"] == 0
    assert found["importance"].max() > 0.02
    with pytest.raises(DataError, match="one class alone for 'Species virtualis 1'"):
        permutation_importance(one, table.assign(present=True))


def test_plots_show_every_variable_and_the_records() -> None:
    import matplotlib

    matplotlib.use("Agg")
    figure = plot_responses(response_curves(MODEL, points=5), model=MODEL)
    assert [a.get_xlabel() for a in figure.axes] == list(MODEL.variables_.names)
    figure = plot_map(MODEL.predict(LAYERS), MODEL.species_[1], occurrences=MODEL.records_)
    assert figure.axes[0].get_title() == "suitability"
    assert len(figure.axes[0].lines[0].get_xdata()) == len(MODEL.records_)
    records = occurrences(HERE)
    shown = plot_map(MODEL.predict(LAYERS), occurrences=records).axes[0].lines[0]
    np.testing.assert_allclose(shown.get_xdata(), records["decimalLongitude"])
    maps = MODEL.predict(LAYERS).assign_coords(x=LAYERS.layers["x"].values + 200)
    west = records.assign(decimalLongitude=records["decimalLongitude"] - 160)
    shown = plot_map(maps, occurrences=west).axes[0].lines[0]
    np.testing.assert_allclose(shown.get_xdata(), records["decimalLongitude"] + 200)
    matplotlib.pyplot.close("all")
