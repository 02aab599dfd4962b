"""A grid of molecules."""

import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.graphs import GraphError, draw_molecules


def test_a_grid(tmp_path):
    from matplotlib.image import imread

    path = draw_molecules(
        ["CCO", "c1ccccc1", "CC#N"], tmp_path / "grid.png", captions=["a", "b", "c"], columns=2, size=100
    )
    pixels = imread(path)
    assert pixels.shape[:2] == (200, 200)
    first, empty = pixels[:100, :100, :3], pixels[100:, 100:, :3]
    assert first.min() < 0.5
    assert empty.min() == 1


def test_what_cannot_be_drawn(tmp_path):
    with pytest.raises(GraphError, match="got 'C1C'; leave it out"):
        draw_molecules(["C1C"], tmp_path / "grid.png")
    with pytest.raises(DataError, match="each with a caption or none, got 1 and 2"):
        draw_molecules(["C"], tmp_path / "grid.png", captions=["a", "b"])
    assert not (tmp_path / "grid.png").exists()
