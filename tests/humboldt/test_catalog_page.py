import numpy as np
import pytest

from humboldt.catalog_page import page_fragment, picture
from humboldt.data_catalog import load_catalog

CATALOG = load_catalog()


@pytest.mark.parametrize("name", ["weather.generated-rossby-waves", "biodiversity.generated-virtual-species"])
def test_maps_are_drawn_north_up(name):
    values = picture(CATALOG.find(name))
    assert values is not None
    assert values.shape in ((32, 64), (60, 80))
    assert np.isfinite(values).all()


def test_graphs_are_drawn_as_their_matrix():
    matrix = picture(CATALOG.find("graphs.generated-trees"))
    assert matrix is not None
    assert matrix.sum() == 2 * 63
    assert np.array_equal(matrix, matrix.T)


def test_solutions_of_ours_are_no_plain_areas():
    values = picture(CATALOG.find("pde.pdegym-helmholtz"))
    assert values is not None
    assert len(np.unique(values)) > 100


def test_published_sets_without_a_solver_have_no_picture():
    assert picture(CATALOG.find("weather.era5-arco")) is None


def test_the_page_of_the_docs_shows_a_picture_of_every_set_that_has_one(tmp_path, monkeypatch):
    drawn = {entry.id for entry in CATALOG.search(kind="generated")} | {"pde.pdegym-ns-sines"}
    field = np.arange(12.0).reshape(3, 4)
    monkeypatch.setattr("humboldt.catalog_page.picture", lambda entry: field if entry.id in drawn else None)
    text = page_fragment(tmp_path / "catalog")
    for name in drawn:
        assert f'src="catalog/{name}.png"' in text
    assert {path.stem for path in (tmp_path / "catalog").iterdir()} == drawn
