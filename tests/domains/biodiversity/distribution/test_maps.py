from pathlib import Path

import numpy as np
import pytest
import rioxarray
import xarray as xr

from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity import Environment
from humboldt.domains.biodiversity import environment as environments
from humboldt.domains.biodiversity.crs import transformed
from humboldt.domains.biodiversity.distribution import SpeciesModel, detection_ranking, maps, plot_map
from tests.domains.biodiversity.distribution.small import environment, network, occurrences, region

HERE = region()
LAYERS = environment(HERE)
MODEL = SpeciesModel(network()).fit(occurrences(HERE), LAYERS, background=200)


@pytest.mark.parametrize("name", ["maps.nc", "maps.tif", "MAPS.TIF"])
def test_maps_in_a_file_are_those_in_memory(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = MODEL.predict(LAYERS)
    monkeypatch.setattr(environments, "CELLS", 24 * 7)
    lazily = Environment(LAYERS.layers.chunk({"y": 5}), LAYERS.crs)
    found = MODEL.predict(lazily, output=tmp_path / name)
    assert found["suitability"].chunks is not None
    xr.testing.assert_allclose(found.load(), expected, atol=1e-5)
    assert str(found.rio.crs) == "EPSG:4326"
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("change", ["turned", "coarser"])
def test_an_image_lies_where_the_layers_lie_whatever_an_older_transform_says(tmp_path: Path, change: str) -> None:
    written = LAYERS.layers.to_dataset("layer").rio.write_crs("EPSG:4326").rio.write_transform()
    layers = written.sortby("y") if change == "turned" else written.coarsen(x=2, y=2).mean()
    expected = MODEL.predict(layers)
    MODEL.predict(layers, output=tmp_path / "maps.tif")
    image = rioxarray.open_rasterio(tmp_path / "maps.tif").isel(band=0)
    assert image["x"].values == pytest.approx(expected["x"].values)
    there = image.sel(y=expected["y"], method="nearest", tolerance=0.01)
    assert there.values == pytest.approx(expected["suitability"].values[0], abs=1e-5)


def test_coordinates_are_those_of_the_fit_in_whatever_crs_the_layers_lie() -> None:
    model = SpeciesModel(network(), place=True).fit(occurrences(HERE), LAYERS, background=200)
    metres = LAYERS.layers.to_dataset("layer").rio.write_crs("EPSG:4326").rio.reproject("EPSG:3857", nodata=np.nan)
    known, moved = model.predict(LAYERS)["suitability"], model.predict(metres)["suitability"]
    x, y = transformed(known["x"].values, known["y"].values, "EPSG:4326", "EPSG:3857")
    same = moved.sel(x=x[3:-3], y=y[3:-3], method="nearest").values
    assert np.nanmax(np.abs(same - known.to_numpy()[:, 3:-3, 3:-3])) < 0.05
    assert np.nanstd(same) > 0.005


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    bad = LAYERS.layers.copy().assign_coords(layer=["variable_1", "variable_2", "variable_3", "other"])
    with pytest.raises(DataError, match="got no 'variable_4'"):
        MODEL.predict(Environment(bad, "EPSG:4326"), output=tmp_path / "maps.nc")
    with pytest.raises(DataError, match=r"written as .nc or .tif, got maps.png"):
        MODEL.predict(LAYERS, output=tmp_path / "maps.png")
    assert not list(tmp_path.iterdir())


def test_missing_cells_stay_missing_and_new_climates_are_flagged() -> None:
    warmer = LAYERS.layers.copy()
    warmer[0] += 10 * float(warmer[0].std())
    warmer[1, 2, 3] = np.nan
    found = MODEL.predict(Environment(warmer, "EPSG:4326"))
    assert np.isnan(found["suitability"].to_numpy()[:, 2, 3]).all()
    assert np.isnan(found["extrapolation"].to_numpy()[2, 3])
    known = MODEL.predict(LAYERS)["extrapolation"]
    assert float((found["extrapolation"] < 0).mean()) > 0.7 > 0.3 > float((known < 0).mean())


@pytest.mark.parametrize("name", [None, "maps.nc", "maps.tif"])
def test_layers_without_a_value_give_no_map(tmp_path: Path, name: str | None) -> None:
    empty = LAYERS.layers.copy()
    empty[2] = np.nan
    with pytest.raises(DataError, match="got no value at all in 'variable_3'; look at its nodata value"):
        MODEL.predict(Environment(empty, "EPSG:4326"), output=tmp_path / name if name else None)
    assert not list(tmp_path.iterdir())


def test_generalised_maps_are_means_of_blocks() -> None:
    fine = MODEL.predict(LAYERS)
    coarse = maps.generalise_maps(fine, 0.6)
    assert coarse["suitability"].shape == (2, 4, 4)
    block = np.asarray(fine["suitability"])[:, :6, :6].mean((1, 2))
    assert coarse["suitability"].values[:, 0, 0] == pytest.approx(block, abs=1e-6)
    assert coarse.attrs["generalised_to"] == pytest.approx(0.6)
    with pytest.raises(DataError, match=r"spans 2 to 24 cells of 0.1, got a size of 0.1; choose another"):
        maps.generalise_maps(fine, 0.1)


def test_a_terminal_sees_a_bar_of_the_blocks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environments, "CELLS", 24 * 7)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    MODEL.predict(LAYERS)
    said = capsys.readouterr().err
    assert "suitability: 100%" in said
    assert "4/4" in said
    MODEL.predict(LAYERS, progress=False)
    assert not capsys.readouterr().err


def test_another_species_is_named() -> None:
    found = MODEL.predict(LAYERS)
    assert maps.of_species(found, None)["species"].item() == MODEL.species_[0]
    for ask in (lambda name: detection_ranking(found, species=name), lambda name: plot_map(found, name)):
        with pytest.raises(DataError, match="got 'Species virtualis 3'; did you mean 'Species virtualis"):
            ask("Species virtualis 3")
