import pytest

import humboldt
from humboldt.data_catalog import load_catalog
from tests.domains.pde.decay import CHANNELS, decay_trajectories


def test_a_named_part_or_how_the_parts_are_made():
    data = decay_trajectories(samples=6)
    parts = humboldt.open(data, domain="pde", split={"train": 3, "validation": 1, "test": 2})
    assert [len(parts.split(name).to_xarray().sample) for name in ("train", "validation", "test")] == [3, 1, 2]
    assert len(humboldt.open(data, domain="pde", split="test")) < len(humboldt.open(data, domain="pde"))


def test_a_path_says_the_same_as_what_it_holds(tmp_path):
    data = decay_trajectories()
    data.to_netcdf(tmp_path / "decay.nc")
    found = humboldt.open(tmp_path / "decay.nc")
    assert [channel.name for channel in found.channels] == [channel.name for channel in CHANNELS]
    assert found.describe()["fingerprint"] == humboldt.open(data).describe()["fingerprint"]


def test_choices_reach_the_domain():
    data = decay_trajectories()
    del data.attrs["periodic"]
    closed, plain = humboldt.open(data, periodic=True), humboldt.open(data)
    assert closed.batch([0]).periodic == (True, True)
    assert not any(plain.batch([0]).periodic)


def test_unknown_domains_and_files_are_named():
    known = r"a domain is one of \['biodiversity', 'graphs', 'pde', 'weather'\], got 'pdes'; did you mean 'pde'"
    with pytest.raises(ValueError, match=known):
        humboldt.open("runs.zarr", domain="pdes")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.nc"):
        humboldt.open("nowhere.nc")


@pytest.mark.parametrize(
    ("domain", "wrong", "right"),
    [
        ("pde", "perodic", "periodic"),
        ("weather", "lead_tmes", "lead_times"),
        ("graphs", "smiles_colum", "smiles_column"),
        ("biodiversity", "lead_tim", "lead_time"),
    ],
)
def test_a_mistyped_choice_names_the_nearest(domain, wrong, right):
    with pytest.raises(ValueError, match=rf"has the choices .*, got '{wrong}'; did you mean '{right}'\?"):
        humboldt.open("nowhere.nc", domain=domain, **{wrong: 1})


@pytest.mark.parametrize("name", ["assay.csv", "assay.csv.gz", "library.sdf", "slugs.gpkg"])
def test_tables_are_opened_for_a_domain(name):
    with pytest.raises(ValueError, match=r"files are opened for a domain, got none for .*; add domain='graphs'"):
        humboldt.open(name)


def test_data_of_the_catalog_are_read_from_the_disk_of_the_node(tmp_path, root, monkeypatch):
    """As data by path are: what `local_disk` of a profile promises holds for every recipe."""
    entry, place = load_catalog().find("pde.burgers2d"), root / "data_catalog" / "examples" / "burgers2d.nc"
    monkeypatch.setattr("humboldt.cataloguing.from_catalog", lambda name: (entry, place))
    far = humboldt.open("pde.burgers2d", split={"train": 2})
    monkeypatch.setenv("HUMBOLDT_STAGE", str(tmp_path / "disk"))
    near = humboldt.open("pde.burgers2d", split={"train": 2})
    assert [path.name for path in (tmp_path / "disk").rglob("*.nc")] == ["burgers2d.nc"]
    assert str(near.describe()["source"]).startswith(str(tmp_path / "disk"))
    assert near.describe()["fingerprint"] == far.describe()["fingerprint"]
