"""Records: every kind of file, thinning, generalising, gridding."""

import zipfile

import geopandas
import numpy as np
import pandas as pd
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity import (
    generalise_occurrences,
    grid_occurrences,
    open_months,
    read_occurrences,
    thin_occurrences,
)
from humboldt.domains.biodiversity.places import Places

TABLE = pd.DataFrame(
    {
        "occurrenceID": ["a", "b", "c"],
        "scientificName": ["Alauda arvensis", "Alauda arvensis", "Parus major"],
        "decimalLatitude": [52.5, 48.1, 48.1],
        "decimalLongitude": [13.4, 11.6, 11.6],
        "eventDate": ["2015-10-03", "2015-11-20T08:00:00Z", "2015-10"],
        "occurrenceStatus": ["PRESENT", "ABSENT", "PRESENT"],
    }
)


def written(folder, kind):
    path = folder / f"records.{kind}"
    if kind == "csv":
        TABLE.to_csv(path, index=False)
    elif kind == "tsv":
        TABLE.to_csv(path, index=False, sep="\t")
    elif kind == "parquet":
        TABLE.to_parquet(path)
    elif kind == "gpkg":
        points = geopandas.points_from_xy(TABLE["decimalLongitude"], TABLE["decimalLatitude"], crs="EPSG:4326")
        plain = TABLE.drop(columns=["decimalLatitude", "decimalLongitude"])
        geopandas.GeoDataFrame(plain, geometry=points).to_crs("EPSG:3035").to_file(path)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("occurrence.txt", TABLE.to_csv(index=False, sep="\t"))
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "gpkg", "zip"])
def test_every_kind_of_file_says_the_same(tmp_path, kind):
    found = read_occurrences(written(tmp_path, kind))
    assert found["occurrenceID"].tolist() == ["a", "b", "c"]
    assert found["present"].tolist() == [True, False, True]
    np.testing.assert_allclose(found["decimalLongitude"], TABLE["decimalLongitude"], atol=1e-6)
    np.testing.assert_allclose(found["decimalLatitude"], TABLE["decimalLatitude"], atol=1e-6)


def test_names_are_recognised_or_said():
    other = TABLE.rename(columns={"scientificName": "Species", "decimalLatitude": "lat", "decimalLongitude": "lon"})
    assert read_occurrences(other)["scientificName"].iloc[2] == "Parus major"
    other = TABLE.rename(columns={"scientificName": "bird"})
    with pytest.raises(DataError, match=r"got no scientificName in .* say which column it is"):
        read_occurrences(other)
    assert read_occurrences(other, columns={"scientificName": "bird"})["scientificName"].iloc[2] == "Parus major"
    with pytest.raises(DataError, match=r"got scientificName='brd'; it has .*did you mean 'bird'"):
        read_occurrences(other, columns={"scientificName": "brd"})


@pytest.mark.parametrize("keys", [[2435240, 2435240, 5219073], [2435240.0, None, 5219073.0]])
def test_keys_of_species_are_names(keys):
    table = TABLE.drop(columns="scientificName").assign(taxonKey=keys)
    found = read_occurrences(table)["scientificName"]
    assert found.tolist() == ["2435240", "2435240" if keys[1] else None, "5219073"]


@pytest.mark.parametrize("name", ["dwc:decimalLatitude", "Decimal Latitude", "decimal_latitude", "LAT"])
def test_names_are_recognised_in_other_spellings(name):
    assert read_occurrences(TABLE.rename(columns={"decimalLatitude": name}))["decimalLatitude"].iloc[0] == 52.5


def test_a_column_that_is_named_takes_the_place_of_the_one_of_that_name():
    table = TABLE.assign(accepted=["Alauda arvensis", "Alauda arvensis", "Parus minor"])
    found = read_occurrences(table, columns={"scientificName": "accepted"})
    assert found["scientificName"].tolist() == ["Alauda arvensis", "Alauda arvensis", "Parus minor"]


def test_presence_that_is_known_is_kept():
    table = TABLE.drop(columns="occurrenceStatus").assign(present=[1, 0, 0])
    assert read_occurrences(table)["present"].tolist() == [True, False, False]
    assert read_occurrences(TABLE.assign(present=["True", "True", "false"]))["present"].tolist() == [True, False, False]
    with pytest.raises(DataError, match="the column present holds True and False, or 1 and 0, got 'maybe'"):
        read_occurrences(TABLE.assign(present=["yes", 1, "maybe"]).iloc[[1, 2]])


def test_a_count_of_none_is_an_absence_where_the_status_says_nothing():
    counted = TABLE.assign(individualCount=[0, 3, 0])
    assert read_occurrences(counted)["present"].tolist() == [True, False, True]
    assert read_occurrences(counted.assign(occurrenceStatus=None))["present"].tolist() == [False, True, False]
    assert read_occurrences(counted.drop(columns="occurrenceStatus"))["present"].tolist() == [False, True, False]


def test_coordinates_that_are_no_numbers_are_said(caplog):
    found = read_occurrences(TABLE.assign(decimalLatitude=["52.5", "48°06'N", " "]))
    assert found["decimalLatitude"].isna().tolist() == [False, True, True]
    assert '1 of 3 values of decimalLatitude are no number and taken as missing, such as "48°06\'N"' in caplog.text
    with pytest.raises(DataError, match=r"decimalLatitude holds numbers, such as 45.5, got '48,1' and the like"):
        read_occurrences(TABLE.assign(decimalLatitude="48,1"))


@pytest.mark.parametrize(
    "use",
    [
        lambda table: generalise_occurrences(table, 0.1),
        lambda table: thin_occurrences(table, 100.0),
        lambda table: grid_occurrences(table, np.arange(3.0), np.arange(3.0), months=("2015-01", "2015-02")),
    ],
)
def test_records_that_were_not_read_are_refused(use):
    with pytest.raises(DataError, match=r"got no decimalLatitude in .*; read them with read_occurrences first"):
        use(TABLE.rename(columns={"decimalLatitude": "lat"}))


def test_metres_become_degrees():
    metres = TABLE.assign(decimalLongitude=4321000.0, decimalLatitude=3210000.0)
    found = read_occurrences(metres, crs="EPSG:3035")
    assert (found["decimalLongitude"].iloc[0], found["decimalLatitude"].iloc[0]) == pytest.approx((10, 52), abs=1e-6)


def test_what_cannot_be_read_is_named(tmp_path):
    written(tmp_path, "csv")
    with pytest.raises(FileNotFoundError, match=r"did you mean 'records.csv'"):
        read_occurrences(tmp_path / "record.csv")
    (tmp_path / "records.doc").write_text("")
    with pytest.raises(DataError, match=r"read from csv, .*got records.doc"):
        read_occurrences(tmp_path / "records.doc")


def test_thinned_records_are_apart_and_every_other_has_a_neighbour():
    random = np.random.default_rng(0)
    table = pd.DataFrame({"x": random.uniform(0, 1, 200), "y": random.uniform(60, 61, 200), "species": "s"})
    table = read_occurrences(table)
    kept = thin_occurrences(table, 10_000.0)
    x, y = kept["decimalLongitude"].to_numpy(), kept["decimalLatitude"].to_numpy()
    places = Places(x, y)
    assert all(len(places.neighbours(i, 10_000.0)) == 1 for i in range(len(kept)))
    everything = Places(table["decimalLongitude"].to_numpy(), table["decimalLatitude"].to_numpy())
    assert everything.nearest(places).max() <= 10_000
    assert len(thin_occurrences(pd.concat([table, table.assign(scientificName="t")]), 10_000.0)) > len(kept)
    with pytest.raises(DataError, match="thinned to a positive distance in metres, got -5"):
        thin_occurrences(table, -5.0)


def test_distances_are_those_of_great_circles():
    quarter = Places(np.array([0.0]), np.array([0.0])).nearest(Places(np.array([90.0]), np.array([0.0])))
    assert quarter[0] == pytest.approx(np.pi / 2 * 6_371_008.8)
    with pytest.raises(ValueError, match=r"are they swapped, or metres"):
        Places(np.array([1.0]), np.array([500000.0]))


def test_generalised_places_lie_in_the_middle_of_cells():
    found = generalise_occurrences(read_occurrences(TABLE), 0.5)
    assert found["decimalLatitude"].tolist() == [52.75, 48.25, 48.25]
    assert found["coordinateUncertaintyInMeters"].iloc[0] == pytest.approx(0.5 * 111_195 / 2**0.5)
    with pytest.raises(DataError, match="a positive size in degrees, got 0"):
        generalise_occurrences(TABLE, 0.0)


def test_generalised_records_do_not_tell_their_place_in_other_words():
    told = {"x": 4_321_000.0, "y": 3_210_000.0, "locality": "the old oak", "footprintWKT": "POINT (13 52)"}
    found = generalise_occurrences(read_occurrences(TABLE).assign(**told, eventRemarks="kept"), 0.5)
    assert not set(told) & set(found)
    assert "eventRemarks" in found


def test_other_coordinates_of_a_generalised_record_go_and_its_cell_lies_on_the_globe():
    told = {"lat": 52.5123, "Easting": 389_000, "dwc:verbatimLocality": "Tegel", "gridReference": "TQ3079"}
    pole = read_occurrences(TABLE.assign(**told, decimalLatitude=90.0, decimalLongitude=180.0))
    found = generalise_occurrences(pole, 0.7)
    assert not set(told) & set(found)
    assert found["decimalLatitude"].between(89.3, 90).all()
    assert found["decimalLongitude"].between(179.3, 180).all()


@pytest.mark.parametrize(
    "column",
    [
        "private_latitude", "private_place_guess", "LOCALITY ID", "dwc:decimalLatitude", "decimalLatitude_original",
        "coords.x1", "Coordinates", "utm_x", "X_UTM", "POINT_X", "grid_ref", "gps_lat", "lon_wgs84", "nearest locality",
    ],
)  # fmt: skip
def test_places_of_other_archives_go_from_a_generalised_record(column):
    kept = {"population": 3, "coordinatePrecision": 0.01, "platform": "a", "tail_long": 7, "stateProvince": "Berlin"}
    found = generalise_occurrences(read_occurrences(TABLE).assign(**kept, **{column: 52.5123}), 0.5)
    assert column not in found
    assert set(kept) <= set(found)


def test_the_geometry_of_a_generalised_record_goes_whatever_its_name():
    geopandas = pytest.importorskip("geopandas")
    records = read_occurrences(TABLE)
    points = geopandas.points_from_xy(records["decimalLongitude"], records["decimalLatitude"])
    layer = geopandas.GeoDataFrame(records.assign(where=points), geometry="where")
    assert "where" not in generalise_occurrences(layer, 0.5)


def test_a_generalised_record_stays_on_its_side_of_the_globe():
    table = pd.concat([read_occurrences(TABLE).head(1)] * 3).assign(
        decimalLongitude=[350.2, -9.8, 400.0], decimalLatitude=[10.2, 10.2, 95.0]
    )
    found = generalise_occurrences(table, 1.0)
    assert found["decimalLongitude"].tolist()[:2] == [-9.5, -9.5]
    assert found["decimalLatitude"].tolist()[:2] == [10.5, 10.5]
    assert found[["decimalLongitude", "decimalLatitude"]].iloc[2].isna().all()


def test_a_grid_counts_records_on_any_branch_of_longitude():
    east = TABLE.assign(decimalLongitude=[-12.0, 348.0, -12.0], eventDate="2015-10-03", occurrenceStatus="present")
    months = ("2015-10", "2015-10")
    grid = grid_occurrences(read_occurrences(east), np.arange(40.0, 60), np.arange(340.0, 352), months=months)
    assert grid.attrs["left_out"] == 0
    assert all(float(field.sel(longitude=348).sum()) == float(field.sum()) > 0 for field in grid.values())


def test_records_of_one_row_number_are_gridded_once_each():
    table = pd.concat([read_occurrences(TABLE)] * 2)
    grid = grid_occurrences(table, np.arange(47.0, 54), np.arange(11.0, 15), months=("2015-10", "2015-12"))
    assert float(grid["species_Parus major"].sum()) == 2


def test_records_become_months_of_a_grid():
    table = pd.concat([TABLE, TABLE.iloc[[0]].assign(decimalLatitude=10.0)], ignore_index=True)
    grid = grid_occurrences(
        read_occurrences(table), np.arange(47.0, 54), np.arange(11.0, 15), months=("2015-10", "2015-12")
    )
    lark = grid["species_Alauda arvensis"]
    assert float(lark.sum()) == 1
    assert float(lark.sel(time="2015-10-01", latitude=53, longitude=13)) == 1
    assert float(grid["species_Parus major"].sel(time="2015-10-01", latitude=48, longitude=12)) == 1
    assert grid.attrs["left_out"] == 2  # an absence, and a record beyond the grid
    assert open_months(grid).names == ("species_Alauda arvensis", "species_Parus major")
