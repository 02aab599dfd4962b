"""Records and counts through the public verbs and the command line."""

import numpy as np
import pandas as pd
import pytest
import rioxarray
import xarray as xr

import humboldt
from humboldt.cli import main
from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity.distribution import SpeciesModel
from humboldt.domains.biodiversity.populations import forecast_counts
from tests.domains.biodiversity.distribution.small import environment, network, occurrences, region

HERE = region()
RECORDS, LAYERS = occurrences(HERE), environment(HERE)
COUNTS = pd.DataFrame([(s, y, 4 + y % 3) for s in "abc" for y in range(2001, 2009)], columns=["plot", "season", "n"])


@pytest.fixture
def files(tmp_path):
    RECORDS.to_csv(tmp_path / "records.csv", index=False, sep=";")
    for name in LAYERS.names:
        layer = LAYERS.layers.sel(layer=name, drop=True).rename(name).rio.write_crs("EPSG:4326")
        layer.sortby("y", ascending=False).rio.to_raster(tmp_path / f"{name}.tif")
    COUNTS.to_csv(tmp_path / "counts.csv", index=False)
    network().save(tmp_path / "net")
    return tmp_path


def test_records_become_maps_as_the_door_for_ecologists_makes_them():
    found = humboldt.predict(network(), RECORDS, environment=LAYERS, background=200)
    expected = SpeciesModel(network()).fit(RECORDS, LAYERS, background=200).predict(LAYERS)
    xr.testing.assert_allclose(found, expected)
    warmer = LAYERS.layers + 1
    elsewhere = humboldt.predict(network(), RECORDS, environment=LAYERS, to=warmer.rio.write_crs("EPSG:4326"))
    assert float(elsewhere["extrapolation"].min()) < float(expected["extrapolation"].min())


def test_what_a_verb_does_not_have_is_named():
    with pytest.raises(DataError, match=r"got none; pass environment=\['bio1.tif'.*--opening"):
        humboldt.predict(network(), RECORDS)
    with pytest.raises(DataError, match="got 'enviroment'; did you mean 'environment'"):
        humboldt.predict(network(), RECORDS, enviroment=LAYERS)
    with pytest.raises(ValueError, match=r"whole years from 1 on, got \[1.5\]; round them"):
        humboldt.predict(humboldt.from_pretrained("humboldt/populations-nano"), COUNTS, 1.5)


def test_the_command_line_writes_maps_and_counts(files, capsys):
    layers = ", ".join(str(files / f"{name}.tif") for name in LAYERS.names)
    opening = f"{{environment: [{layers}], background: 150}}"
    words = ["predict", str(files / "net"), str(files / "records.csv"), "--opening", opening, "--output"]
    assert main([*words, str(files / "map.nc")]) == 0
    assert main([*words, str(files / "map.tif")]) == 0
    with xr.open_dataset(files / "map.nc") as maps, rioxarray.open_rasterio(files / "map.tif") as image:
        assert maps["suitability"].dims == ("species", "y", "x")
        np.testing.assert_allclose(image[0], maps["suitability"][0], rtol=1e-5)
        assert image.rio.crs == "EPSG:4326"
    columns = "{site: plot, year: season, count: n}"
    words = ["predict", "humboldt/populations-nano", str(files / "counts.csv"), "--lead-times", "1,3"]
    assert main([*words, "--opening", columns, "--output", str(files / "next.csv")]) == 0
    assert f"6 rows in {files / 'next.csv'}\n" in capsys.readouterr().out
    expected = forecast_counts(COUNTS, 3, site="plot", year="season", count="n")
    expected = expected[expected["season"] != 2010].reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.read_csv(files / "next.csv"), expected, check_dtype=False)
