import numpy as np
import pytest
import xarray as xr

import humboldt
from humboldt.cataloguing import add_to_catalog, from_catalog, is_catalog_name, parts_of
from humboldt.data_catalog import DataError, load_catalog, verify, write_entry
from tests.data_catalog.small_entries import entry
from tests.domains.pde.decay import decay_trajectories


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("HUMBOLDT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HUMBOLDT_CATALOG", str(tmp_path / "entries"))
    (tmp_path / "entries").mkdir()


def test_a_name_of_the_catalog_is_opened_with_the_parts_of_its_entry():
    data = humboldt.open("pde.burgers2d")
    assert [channel.name for channel in data.channels] == ["velocity_x", "velocity_y"]
    assert str(data.parts) == "4 train, 0 validation, 6 test"
    assert humboldt.open("pde.burgers2d", split="test").trajectories == 6
    assert humboldt.open("pde.burgers2d", split={"test": 2}).parts.test == (8, 9)


@pytest.mark.integration
def test_a_generated_name_is_solved_opened_and_true():
    train = humboldt.open("pde.generated-shallow-water", split="train")
    assert train.trajectories == 10
    assert train.batch([0]).periodic == (True, True)
    from humboldt.cataloguing import make

    report = verify(load_catalog().find("pde.generated-shallow-water"), make=make)
    assert report.ok, str(report)
    assert any("made again" in finding.message for finding in report.findings)


def test_the_other_sciences_are_made_without_a_solver_and_opened():
    found, place = from_catalog("graphs.generated-trees")
    assert found.id == "graphs.generated-trees"
    assert place.is_file()
    assert len(humboldt.open("graphs.generated-trees", split="train")) == 128
    waves = humboldt.open("weather.generated-rossby-waves", split="validation")
    assert 28 <= len(waves) <= 32


def test_own_entries_open_with_their_choices(tmp_path):
    data = decay_trajectories(samples=4)
    del data.attrs["periodic"]
    data.to_netcdf(tmp_path / "decay.nc")
    source = {"kind": "files", "root": str(tmp_path), "files": [{"path": "decay.nc"}]}
    splits = {"along": "sample", "train": {"ids": [0, 2]}, "test": {"ids": [3]}}
    own = entry(id="pde.own", source=source, dims={"sample": "sample"}, opening={"periodic": True}, splits=splits)
    (tmp_path / "entries" / "own.yaml").write_text(write_entry(own))
    opened = humboldt.open("pde.own")
    assert opened.batch([0]).periodic == (True, True)
    assert (opened.parts.train, opened.parts.test) == ((0, 2), (3,))


def test_names_files_and_domains():
    assert is_catalog_name("pde.nothing")
    assert not is_catalog_name("nowhere.nc")
    with pytest.raises(DataError, match=r"got 'pde\.burgers'; did you mean 'pde\.burgers2d'"):
        humboldt.open("pde.burgers")
    with pytest.raises(ValueError, match=r"pde\.burgers2d belongs to the domain 'pde', got domain='weather'"):
        humboldt.open("pde.burgers2d", domain="weather")
    with pytest.raises(DataError, match=r"pde\.pdegym-ace has to be got by hand"):
        humboldt.open("pde.pdegym-ace")


def test_parts_as_the_domains_take_them():
    waves = parts_of(load_catalog().find("weather.generated-rossby-waves"))
    assert waves is not None
    assert waves["train"] == ("2001-01-01", "2001-02-24")
    assert parts_of(entry()) is None
    splits = {"along": "sample", "train": {"count": 3}}
    assert parts_of(entry(dims={"sample": "sample"}, splits=splits)) is None


def test_adding_asks_only_for_what_neither_the_file_nor_the_caller_says(tmp_path):
    data = xr.Dataset({"u": ("x", np.arange(3.0))}, attrs={"title": "Known"})
    data.to_netcdf(tmp_path / "a.nc")
    asked = []

    def ask(question):
        asked.append(question)
        return {"l": "unknown", "h": "me"}[question[0]]

    added, _ = add_to_catalog(tmp_path / "a.nc", id="pde.mine", ask=ask)
    assert [question.split()[0] for question in asked] == ["licence", "how"]
    assert (added.title, added.licence, added.citation.text) == ("Known", None, "me")
