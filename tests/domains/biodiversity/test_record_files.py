"""Files of records as people have them: delimiters, decimal commas, encodings, downloads, layers."""

import gzip
import zipfile

import geopandas
import numpy as np
import pandas as pd
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity import read_occurrences
from humboldt.domains.biodiversity.record_files import read_records

ROWS = [("Mühlenbeckia", "52.5", "13.25", "3"), ("Señorita", "48.125", "11.5", "4")]


def text(delimiter: str = ",", decimal: str = ".", quote: str = "") -> str:
    lines = [["scientificName", "decimalLatitude", "decimalLongitude", "bio1"], *map(list, ROWS)]
    return "\n".join(delimiter.join(quote + c.replace(".", decimal) + quote for c in line) for line in lines) + "\n"


def said(path):
    found = read_occurrences(path)
    return list(zip(found["scientificName"], found["decimalLatitude"], found["decimalLongitude"], strict=True))


EXPECTED = [("Mühlenbeckia", 52.5, 13.25), ("Señorita", 48.125, 11.5)]


@pytest.mark.parametrize(
    ("delimiter", "decimal", "quote", "encoding"),
    [
        (",", ".", "", "utf-8"),
        (";", ",", "", "cp1252"),
        (";", ".", '"', "utf-8-sig"),
        (";", ",", '"', "utf-8"),
        ("\t", ".", "", "utf-16"),
        ("\t", ",", '"', "latin-1"),
        ("|", ".", "", "utf-8"),
    ],
)
def test_tables_of_every_kind_say_the_same(tmp_path, delimiter, decimal, quote, encoding):
    path = tmp_path / "records.csv"
    path.write_bytes(text(delimiter, decimal, quote).encode(encoding))
    assert said(path) == EXPECTED


def test_one_cell_with_a_comma_is_no_decimal_comma(tmp_path):
    path = tmp_path / "records.tsv"
    path.write_text("recordNumber\tdecimalLatitude\tdecimalLongitude\n12,13\t52.5\t13.25\n9\t48.125\t11.5\n")
    assert read_records(path)["decimalLatitude"].tolist() == [52.5, 48.125]


def test_what_is_no_utf8_is_said(tmp_path, caplog):
    path = tmp_path / "records.csv"
    path.write_bytes(text().encode("cp1252"))
    read_records(path)
    assert "records.csv is no UTF-8; it is read as Windows-1252" in caplog.text


def test_quotation_marks_of_a_download_are_characters(tmp_path):
    path = tmp_path / "occurrence.txt"
    path.write_text(text("\t").replace("Mühlenbeckia", 'Mühlenbeckia "sp'))
    assert read_records(path)["scientificName"].tolist() == ['Mühlenbeckia "sp', "Señorita"]


@pytest.mark.parametrize("name", ["occurrence.txt", "data/0012-2025.csv", "data/my_occurrences.tsv"])
def test_a_download_is_read_whatever_lies_beside_its_records(tmp_path, name):
    path = tmp_path / "download.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("citations.txt", "who\n")
        archive.writestr("verbatim.txt", text("\t").replace("Señorita", "wrong"))
        archive.writestr("meta.xml", "<archive/>")
        archive.writestr(name, text("," if name.endswith("csv") else "\t"))
    assert said(path) == EXPECTED


def test_a_download_without_records_and_an_empty_file_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "download.zip", "w") as archive:
        archive.writestr("meta.xml", "<archive/>")
    with pytest.raises(DataError, match=r"holds occurrence.txt or a csv file, got \['meta.xml'\]"):
        read_records(tmp_path / "download.zip")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(DataError, match="has a row of names, got the empty file empty"):
        read_records(tmp_path / "empty.csv")


def test_a_compressed_table(tmp_path):
    path = tmp_path / "records.csv.gz"
    path.write_bytes(gzip.compress(text(";").encode()))
    assert said(path) == EXPECTED


def test_a_layer_with_a_geometry_of_another_name_and_one_of_areas(tmp_path):
    names = [row[0] for row in ROWS]
    points = geopandas.points_from_xy([13.25, 11.5], [52.5, 48.125], crs="EPSG:4326")
    layer = geopandas.GeoDataFrame({"species": names}, geometry=points).rename_geometry("where")
    found = read_occurrences(layer)
    assert found[["decimalLatitude", "decimalLongitude"]].to_numpy() == pytest.approx(
        np.array([[52.5, 13.25], [48.125, 11.5]])
    )
    assert "where" not in found
    assert isinstance(found, pd.DataFrame)
    with pytest.raises(DataError, match=r"records are points, got \['Polygon'\]; take a point of each"):
        read_occurrences(layer.set_geometry(layer.to_crs("EPSG:3857").buffer(10)))


def test_a_layer_of_points_in_parquet_is_read_as_one(tmp_path):
    points = geopandas.points_from_xy([500_000.0], [10_000_000.0], crs="EPSG:32737")
    geopandas.GeoDataFrame({"scientificName": ["Loxodonta africana"]}, geometry=points).to_parquet(
        tmp_path / "p.parquet"
    )
    np.testing.assert_allclose(said(tmp_path / "p.parquet")[0][1:], (0.0, 39.0), atol=1e-9)
