import geopandas
import numpy as np
import pandas as pd
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity import Environment
from humboldt.domains.biodiversity.distribution import SpeciesModel
from tests.domains.biodiversity.distribution.small import environment, network, occurrences, region

HERE = region()
LAYERS, RECORDS = environment(HERE), occurrences(HERE)


def fitted(records: pd.DataFrame = RECORDS, layers: Environment = LAYERS, **choices: object) -> SpeciesModel:
    return SpeciesModel(network(), **choices).fit(records, layers, background=200)


def test_points_and_maps_say_the_same_and_points_keep_their_geometry() -> None:
    model = fitted()
    maps = model.predict(LAYERS)
    x, y = LAYERS.layers["x"].values[[3, 10]], LAYERS.layers["y"].values[[5, 20]]
    points = geopandas.GeoDataFrame(LAYERS.extract(x, y), geometry=geopandas.points_from_xy(x, y), crs="EPSG:4326")
    said = model.predict(points)
    assert isinstance(said, geopandas.GeoDataFrame)
    assert said.crs == "EPSG:4326"
    for name in model.species_:
        of_map = maps["suitability"].sel(species=name).values[[5, 20], [3, 10]]
        assert said[f"{name} suitability"].to_numpy() == pytest.approx(of_map, abs=1e-5)
        assert (said[f"{name} lower"] < said[f"{name} suitability"]).all()
    there = maps["extrapolation"].to_numpy()[[5, 20], [3, 10]]
    assert said["extrapolation"].to_numpy() == pytest.approx(there, abs=1e-4)


def test_species_are_placed_together_as_each_alone() -> None:
    together = fitted()
    alone = fitted(RECORDS[RECORDS["scientificName"] == together.species_[1]])
    both = together.predict(LAYERS)["suitability"].isel(species=1).values
    assert alone.predict(LAYERS)["suitability"].isel(species=0).values == pytest.approx(both, abs=1e-4)


def test_the_same_seed_says_the_same() -> None:
    first, again = (fitted(seed=3).predict(LAYERS)["suitability"].values for _ in range(2))
    assert np.array_equal(first, again)


def test_a_table_of_environment_takes_the_place_of_layers() -> None:
    background = LAYERS.extract(*np.random.default_rng(0).uniform(0, 2.3, (2, 100)))
    values = LAYERS.extract(RECORDS["decimalLongitude"], RECORDS["decimalLatitude"])
    model = SpeciesModel(network()).fit(pd.concat([RECORDS, values], axis=1), background)
    assert model.variables_.names == LAYERS.names
    assert list(model.predict(values)["extrapolation"] <= 100) == [True] * len(values)


def test_absences_change_the_answer_and_must_be_there_for_all_species() -> None:
    one = RECORDS[RECORDS["scientificName"] == RECORDS["scientificName"][0]]
    absent = occurrences(HERE, 3).query("scientificName == 'Species virtualis 3'")
    absent = absent.assign(scientificName=one["scientificName"].iloc[0], occurrenceStatus="absent")
    with_absences = fitted(pd.concat([one, absent]))
    assert with_absences._context.contrast_kind.tolist() == [2]
    assert with_absences._context.contrast.shape[1] == len(absent)
    with pytest.raises(DataError, match="got absences, but none for 'Species virtualis 2'; fit it apart"):
        fitted(pd.concat([RECORDS, absent]))


def test_a_target_group_is_the_records_of_all() -> None:
    model = SpeciesModel(network()).fit(RECORDS, LAYERS, background="target_group")
    assert model._context.contrast_kind.tolist() == [1]
    assert model._context.contrast.shape[1] <= len(RECORDS)


def test_seasons_ask_for_a_month_and_move_the_answer() -> None:
    dated = RECORDS.assign(eventDate=[f"2020-{1 + i % 3:02d}-15" for i in range(len(RECORDS))])
    model = fitted(dated, season=True)
    january, july = (model.predict(LAYERS, month=month)["suitability"].values for month in (1, 7))
    assert np.abs(january - july).max() > 1e-4
    with pytest.raises(DataError, match="asked for a month from 1 to 12, one without for none, got None"):
        model.predict(LAYERS)
    with pytest.raises(DataError, match="a season is read from eventDate as YYYY-MM-DD, got 'spring' and the like"):
        fitted(RECORDS.assign(eventDate="spring"), season=True)
    with pytest.raises(DataError, match="got records without it; fit with season=False"):
        fitted(season=True)


def test_records_without_a_date_are_left_out_of_seasons() -> None:
    dates = ["2020-05-01" if i % 2 else None for i in range(len(RECORDS))]
    model = fitted(RECORDS.assign(eventDate=dates), season=True)
    assert len(model.records_) == len(RECORDS) // 2


def test_classes_that_were_not_there_are_refused() -> None:
    layers = LAYERS.layers.copy()
    layers[0] = np.arange(24) // 8
    classes = Environment(layers, "EPSG:4326", ("variable_1",))
    model = fitted(layers=classes)
    assert model.variables_.levels == {"variable_1": (0.0, 1.0, 2.0)}
    other = layers.copy()
    other[0, 4, 4] = 7.0
    with pytest.raises(DataError, match=r"got 7 of 'variable_1', which has .*set these cells to NaN"):
        model.predict(Environment(other, "EPSG:4326", ("variable_1",)))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"decimalLatitude": 95.0}, "are they swapped, or in metres"),
        ({"decimalLatitude": -40.0}, "lie where every variable has a value, got none of 40 there; compare the extent"),
        ({"occurrenceStatus": "absent"}, "at least two presences with an environment, got 0 for 'Species virtualis 1'"),
    ],
)
def test_records_that_cannot_be_used_are_refused(change: dict[str, object], rule: str) -> None:
    with pytest.raises(DataError, match=rule):
        fitted(RECORDS.assign(**change))


def test_swapped_coordinates_are_seen_where_the_layers_lie_elsewhere() -> None:
    layers = LAYERS.layers.assign_coords(y=LAYERS.layers["y"] + 50)
    north = RECORDS.assign(decimalLatitude=RECORDS["decimalLatitude"] + 50)
    swapped = north.rename(columns={"decimalLatitude": "decimalLongitude", "decimalLongitude": "decimalLatitude"})
    with pytest.raises(DataError, match=r"some where latitude and longitude are exchanged .* exchange the two columns"):
        fitted(swapped, layers=Environment(layers, "EPSG:4326"))
    assert len(fitted(north, layers=Environment(layers, "EPSG:4326")).records_) == len(RECORDS)


def test_keys_of_a_checklist_are_names() -> None:
    keys = RECORDS["scientificName"].map({"Species virtualis 1": 2435240, "Species virtualis 2": 5219073})
    assert fitted(RECORDS.assign(scientificName=keys)).species_ == ("2435240", "5219073")


def test_the_network_of_the_package_has_a_name() -> None:
    named = SpeciesModel("humboldt/biodiversity-nano").fit(RECORDS, LAYERS, background=200)
    same = SpeciesModel().fit(RECORDS, LAYERS, background=200)
    np.testing.assert_array_equal(named.predict(LAYERS)["suitability"], same.predict(LAYERS)["suitability"])


def test_one_presence_is_too_few() -> None:
    with pytest.raises(DataError, match=r"at least two presences .*, got 1 for .*leave the species out"):
        fitted(RECORDS.groupby("scientificName").head(1))


def test_an_environment_without_differences_or_values_is_refused() -> None:
    same = Environment(LAYERS.layers * 0 + 1, "EPSG:4326")
    with pytest.raises(DataError, match="background points differ in a variable at least, got 200 points"):
        fitted(layers=same)
    empty = LAYERS.layers.copy()
    empty[1] = np.nan
    with pytest.raises(DataError, match="got no value at all in 'variable_2'; look at its nodata value"):
        fitted(layers=Environment(empty, "EPSG:4326"))
    apart = LAYERS.layers.copy()
    apart[0, :12], apart[1, 12:] = np.nan, np.nan
    with pytest.raises(DataError, match=r"got none in common of \['variable_1', .*look at their extents"):
        fitted(layers=Environment(apart, "EPSG:4326"))


def test_a_variable_that_is_missing_is_named() -> None:
    model = fitted()
    lacking = LAYERS.layers.sel(layer=["variable_1", "variable_2", "variable_3"])
    with pytest.raises(DataError, match=r"fitted with, got no 'variable_4'.*did you mean"):
        model.predict(Environment(lacking, "EPSG:4326"))
    with pytest.raises(DataError, match="fitted before it predicts"):
        SpeciesModel(network()).predict(LAYERS)
    with pytest.raises(DataError, match=r"layers, or columns of the background, got 'variable_9' for .*did you mean"):
        SpeciesModel(network()).fit(RECORDS, LAYERS, variables=["variable_9"])


def test_a_background_of_another_word_is_refused() -> None:
    with pytest.raises(DataError, match="a number, a table of points or 'target_group', got 'target-group'"):
        SpeciesModel(network()).fit(RECORDS, LAYERS, background="target-group")
    points = pd.DataFrame({"warmth": [1.0, 2.0], "rain": [3.0, 4.0]})
    with pytest.raises(DataError, match="background points come from one table, got them as the environment and as"):
        SpeciesModel(network()).fit(RECORDS, points, background=points)


def test_infinite_values_are_missing() -> None:
    table = LAYERS.extract(RECORDS["decimalLongitude"], RECORDS["decimalLatitude"]).assign(scientificName="s")
    odd = table.assign(variable_2=np.where(np.arange(len(table)) < 5, np.inf, table["variable_2"]))
    assert len(SpeciesModel(network()).fit(odd, table).records_) == len(table) - 5
    assert len(SpeciesModel(network()).fit(table, odd).background_) == len(table) - 5
    with pytest.raises(DataError, match=f"where every variable has a value, got none of {len(table)} there"):
        SpeciesModel(network()).fit(table.assign(variable_2=-np.inf), table)
