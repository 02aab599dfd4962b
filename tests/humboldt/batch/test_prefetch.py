import json

import pytest

from humboldt.batch import BatchError, prefetch, verify
from humboldt.cli import main

RECIPE = {"model": "humboldt/pde-nano", "data": "data_catalog/examples/burgers2d.nc"}


def test_a_manifest_says_what_lies_where(tmp_path, root, monkeypatch):
    monkeypatch.chdir(root)
    rows = prefetch([RECIPE, RECIPE], tmp_path / "manifest.json")
    assert [(row["kind"], row["name"]) for row in rows] == [("model", RECIPE["model"]), ("data", RECIPE["data"])]
    assert rows[1]["bytes"] == (root / RECIPE["data"]).stat().st_size
    assert json.loads((tmp_path / "manifest.json").read_text()) == rows
    assert verify(tmp_path / "manifest.json") == []


def test_what_has_changed_is_told(tmp_path, capsys):
    data = tmp_path / "x.nc"
    data.write_text("one")
    prefetch([RECIPE | {"data": str(data)}], tmp_path / "manifest.json")
    data.write_text("two")
    assert main(["prefetch", "--manifest", str(tmp_path / "manifest.json"), "--check"]) == 1
    assert f"{data} at {data} has changed" in capsys.readouterr().out
    data.unlink()
    assert verify(tmp_path / "manifest.json") == [f"{data} is not at {data}"]


def test_recipes_that_name_nothing_to_fetch(tmp_path):
    with pytest.raises(BatchError, match="names a model and data, got model 'a' and data None"):
        prefetch([{"model": "a"}], tmp_path / "m")
    with pytest.raises(BatchError, match=r"a path or a name of the catalog, got 'nothing.nc'"):
        prefetch([RECIPE | {"data": "nothing.nc"}], tmp_path / "m")
