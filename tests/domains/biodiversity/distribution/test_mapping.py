"""Maps of species by the verbs that all sciences share, from files."""

import numpy as np
import pytest
import rioxarray
import xarray as xr

import humboldt
from humboldt.cli import main
from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity import open_environment
from humboldt.domains.biodiversity.distribution import SpeciesModel
from tests.domains.biodiversity.distribution.small import environment, network, occurrences, region

HERE = region()
LAYERS, RECORDS = environment(HERE), occurrences(HERE)


@pytest.fixture
def files(tmp_path):
    """A model, a folder of images, a table of records."""
    (tmp_path / "layers").mkdir()
    for layer in LAYERS.layers:
        image = layer.drop_vars("layer").rio.write_crs(LAYERS.crs)
        image.rio.to_raster(tmp_path / "layers" / f"{layer['layer'].item()}.tif")
    (tmp_path / "layers" / "about.txt").write_text("not a layer")
    RECORDS.to_csv(tmp_path / "records.csv", index=False)
    network().save(tmp_path / "model")
    return tmp_path


def test_the_command_maps_what_the_class_maps(files, capsys):
    words = [str(files / name) for name in ("model", "layers")]
    words += ["--occurrences", str(files / "records.csv"), "--opening", "{background: 200}"]
    assert main(["predict", *words, "--output", str(files / "maps.zarr")]) == 0
    assert "maps.zarr" in capsys.readouterr().out
    layers = open_environment(files / "layers")
    expected = SpeciesModel(network()).fit(files / "records.csv", layers, background=200).predict(layers)
    with xr.open_zarr(files / "maps.zarr") as found:
        for name in ("suitability", "lower", "upper", "extrapolation"):
            np.testing.assert_allclose(found[name], expected[name], atol=1e-5)
    assert main(["predict", *words[:2]]) == 2
    assert "give occurrences (--occurrences FILE)" in capsys.readouterr().err
    assert main(["predict", *words, "--opening", "{backgroud: 200}"]) == 2
    assert "fit_species has the choices" in capsys.readouterr().err


def test_the_command_writes_an_image_of_the_maps(files):
    words = [str(files / name) for name in ("model", "layers")]
    words += ["--occurrences", str(files / "records.csv"), "--opening", "{background: 200}"]
    assert main(["predict", *words, "--output", str(files / "maps.nc")]) == 0
    assert main(["predict", *words, "--output", str(files / "maps.tif")]) == 0
    with xr.open_dataset(files / "maps.nc") as maps, rioxarray.open_rasterio(files / "maps.tif") as image:
        np.testing.assert_allclose(image[0], maps["suitability"][0], rtol=1e-5)
        assert image.rio.crs == "EPSG:4326"


def test_layers_of_another_climate_are_mapped():
    warmer = (LAYERS.layers + 1).rio.write_crs("EPSG:4326")
    here, there = (
        humboldt.predict(network(), LAYERS, occurrences=RECORDS, background=200, to=to) for to in (None, warmer)
    )
    assert float(there["extrapolation"].min()) < float(here["extrapolation"].min())
    assert float(abs(there["suitability"] - here["suitability"]).max()) > 0


def test_the_verb_in_memory_and_by_seasons():
    found = humboldt.predict(network(), LAYERS, occurrences=RECORDS, background=200)
    expected = SpeciesModel(network()).fit(RECORDS, LAYERS, background=200).predict(LAYERS)
    xr.testing.assert_allclose(found, expected)
    with pytest.raises(DataError, match="a month from 1 to 12, one without for none, got 13"):
        humboldt.predict(network(), LAYERS, occurrences=RECORDS.assign(eventDate="2001-05-01"), month=13)


def test_patterns_are_layers_in_alphabetical_order(files):
    found = open_environment(str(files / "layers" / "*.tif"))
    assert list(found.names) == sorted(LAYERS.names)
    assert open_environment(files / "layers").names == found.names
