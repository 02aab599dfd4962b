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


def test_records_become_months_of_a_grid():
    table = pd.concat([TABLE, TABLE.iloc[[0]].assign(decimalLatitude=10.0)], ignore_index=True)
    grid = grid_occurrences(
        read_occurrences(table), np.arange(47.0, 54), np.arange(11.0, 15), months=("2015-10", "2015-12")
    )
    lark = grid["species_Alauda arvensis"]
    assert float(lark.sum()) == 2
    assert float(lark.sel(time="2015-10-01", latitude=53, longitude=13)) == 1
    assert float(lark.sel(time="2015-11-01", latitude=48, longitude=12)) == 1
    assert grid.attrs["left_out"] == 1
    assert open_months(grid).names == ("species_Alauda arvensis", "species_Parus major")
