import numpy as np
import pytest
import xarray as xr

import humboldt
from humboldt.cataloguing import add_to_catalog, from_catalog, is_catalog_name, parts_of
from humboldt.data_catalog import DataError, load_catalog, verify, write_entry
from humboldt.domains.pde import Channel
from tests.data_catalog.small_entries import entry
from tests.domains.pde.decay import decay_trajectories
from tests.domains.pde.trajectory_files import pdebench_incompressible, pdegym, values


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


def test_published_files_open_by_name_when_they_are_here_even_in_part(tmp_path, caplog):
    """The first chunks of a collection have fewer trajectories than its parts list."""
    entry = load_catalog().find("pde.pdegym-ace")
    place = tmp_path / "data" / entry.id / entry.version
    place.mkdir(parents=True)
    pdegym(place / "ACE.nc", solution=values(6, 20, 8, 8))
    data = humboldt.open("pde.pdegym-ace")
    assert str(data.parts) == "4 train, 0 validation, 2 test"
    assert "what is here is not all of it; its parts are not the published ones" in caplog.text
    assert (data.times[-1], data.periodic) == (1.0, (True, True))
    with pytest.raises(DataError, match="units are numbered"):
        humboldt.open("pde.pdegym-ace", split={"train": [70]})
    flow = load_catalog().find("pde.pdebench-ns-incompressible-2d")
    place = tmp_path / "data" / flow.id / flow.version
    place.mkdir(parents=True)
    for number in (0, 1):
        pdebench_incompressible(place / f"ns_incom_inhom_2d_512-{number}.h5", seed=number)
    data = humboldt.open(flow.id)
    names = ["velocity_x", "velocity_y", "particles", "force_x", "force_y"]
    assert sorted(channel.name for channel in data.channels) == sorted(names)
    fields = data.arranged([Channel(name=name) for name in names]).frames(2, (1,)).batch([3]).fields[0]
    np.testing.assert_array_equal(fields[1], values(2, 4, 6, 6, 2, seed=1)[1, 2, ..., 1])
    np.testing.assert_array_equal(fields[2], values(2, 4, 6, 6, 1, seed=1)[1, 2, ..., 0])
    np.testing.assert_array_equal(fields[3], values(2, 6, 6, 2, seed=1)[1, ..., 0])
    assert data.times.tolist() == pytest.approx([0, 0.1, 0.2, 0.3])


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


def test_a_doi_joins_the_citation_that_the_file_says(tmp_path):
    xr.Dataset({"u": ("x", np.arange(3.0))}, attrs={"title": "Known", "references": "her"}).to_netcdf(tmp_path / "a.nc")
    answers = {"id": "pde.mine", "licence": "CC0-1.0", "doi": "10.5281/zenodo.12", "folder": str(tmp_path / "entries")}
    added, _ = add_to_catalog(tmp_path / "a.nc", **answers)
    assert (added.citation.text, added.citation.doi) == ("her", "10.5281/zenodo.12")
