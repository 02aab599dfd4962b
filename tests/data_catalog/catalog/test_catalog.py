import pytest

from humboldt.data_catalog import Catalog, DataError, load_catalog, write_entry
from humboldt.data_catalog.catalog.catalog import FACETS
from tests.data_catalog.small_entries import entry

CATALOG = load_catalog()
NAMED = [
    "pde.pdegym-ns-sines",
    "pde.pdegym-ns-gauss",
    "pde.pdegym-ns-pwc",
    "pde.pdegym-ns-bb",
    "pde.pdegym-ns-svs",
    "pde.pdegym-ns-sl",
    "pde.pdegym-ns-tracer-pwc",
    "pde.pdegym-fns-kf",
    "pde.pdegym-ce-rp",
    "pde.pdegym-ce-crp",
    "pde.pdegym-ce-kh",
    "pde.pdegym-ce-gauss",
    "pde.pdegym-ce-rpui",
    "pde.pdegym-ce-rm",
    "pde.pdegym-gce-rt",
    "pde.pdegym-wave-layer",
    "pde.pdegym-wave-gauss",
    "pde.pdegym-ace",
    "pde.pdegym-se-af",
    "pde.pdegym-poisson-gauss",
    "pde.pdegym-helmholtz",
    "pde.well-active-matter",
    "pde.well-planetswe",
    "pde.pdebench-burgers-1d",
    "pde.pdebench-darcy-2d",
    "weather.merra2-prithvi",
    "weather.merra2-prithvi-climatology",
    "weather.era5-arco",
    "weather.era5-weatherbench2-64x32",
    "weather.cmip6",
    "biodiversity.biocube-bioanalyst",
    "biodiversity.worldclim-10m",
    "biodiversity.chelsa-bioclim",
    "biodiversity.gbif-darwin-core",
    "biodiversity.disdat",
    "graphs.qm9",
    "graphs.moses",
    "graphs.guacamol",
    "graphs.moleculenet-bbbp",
    "graphs.planar",
    "graphs.tree",
    "graphs.sbm",
    "pde.generated-shallow-water",
    "weather.generated-rossby-waves",
    "biodiversity.generated-virtual-species",
    "graphs.generated-trees",
]


def test_what_users_look_for_is_there():
    assert [name for name in NAMED if name not in CATALOG] == []
    assert len(CATALOG.search("The Well", domain="pde")) == 23
    assert len(CATALOG.search("PDEgym")) == 21
    assert len([entry for entry in CATALOG if entry.id.startswith("pde.pdebench-")]) == 11
    molecules = {entry.id for entry in CATALOG if entry.id.startswith("graphs.moleculenet-")}
    tasks = [
        "bace",
        "bbbp",
        "clintox",
        "esol",
        "freesolv",
        "hiv",
        "lipophilicity",
        "muv",
        "qm8",
        "sider",
        "tox21",
        "toxcast",
    ]
    assert molecules == {f"graphs.moleculenet-{name}" for name in tasks}


def test_every_domain_has_a_generated_set():
    assert {entry.domain for entry in CATALOG.search(kind="generated")} == {"pde", "weather", "biodiversity", "graphs"}


def test_files_are_named_after_their_entry(root):
    names = {path.stem for path in (root / "data_catalog" / "entries").glob("*.yaml")}
    assert names == {entry.id for entry in CATALOG}


def test_prithvi_has_160_channels_of_which_140_on_levels():
    variables = CATALOG.find("weather.merra2-prithvi").variables.values()
    levels = CATALOG.find("weather.merra2-prithvi").levels["model"].values
    assert sum(v.role == "state" and v.levels is None for v in variables) == 20
    assert len(levels) * sum(v.levels == "model" for v in variables) == 140
    assert levels[0] == 34
    assert levels[-1] == 72


def test_bioanalyst_has_124_maps():
    entry = CATALOG.find("biodiversity.biocube-bioanalyst")
    assert sum(len(entry.levels[v.levels].values) if v.levels else 1 for v in entry.variables.values()) == 124


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("burgers2d", "did you mean 'pde.burgers2d'"),
        ("pde.pdegym-ns-sins", "got 'pde.pdegym-ns-sins'; did you mean 'pde.pdegym-ns-sines'"),
    ],
)
def test_unknown_names_get_the_nearest(name, message):
    with pytest.raises(DataError, match=message):
        CATALOG.find(name)


def test_search_by_words_and_facets():
    found = CATALOG.search("era5", variable="eastward_wind", licence="cc-by-4.0", grid="regular_latlon")
    assert {entry.id for entry in found} >= {"weather.era5-arco", "weather.era5-weatherbench2-64x32"}
    assert all("eastward_wind" in {v.standard_name for v in entry.variables.values()} for entry in found)
    assert {entry.id for entry in CATALOG.search(model="prithvi-wxc", calendar="standard")} >= {
        "weather.merra2-prithvi"
    }
    assert CATALOG.search("no such word") == []
    assert set(FACETS) >= {"domain", "licence", "variable", "calendar"}
    with pytest.raises(DataError, match=r"got 'license'; did you mean 'licence'"):
        CATALOG.search(license="MIT")


def test_sets_without_checksums_can_be_told():
    unchecked = {entry.id for entry in CATALOG.search(checksum=False)}
    assert "weather.era5-arco" in unchecked
    assert "graphs.guacamol" not in unchecked


def test_a_broken_entry_of_the_user_is_left_out_with_its_reason(tmp_path, monkeypatch):
    (tmp_path / "own.yaml").write_text(write_entry(entry(id="pde.own")))
    (tmp_path / "broken.yaml").write_text("id: pde.broken\n")
    monkeypatch.setenv("HUMBOLDT_CATALOG", str(tmp_path))
    with pytest.warns(UserWarning, match=r"left out of the catalog: .*broken\.yaml: .*title"):
        catalog = load_catalog()
    assert "pde.own" in catalog
    assert "pde.broken" not in catalog
    with pytest.raises(DataError, match="title"):
        load_catalog(tmp_path)


def test_own_entries_come_from_a_folder_and_never_hide_another(tmp_path, monkeypatch):
    (tmp_path / "own.yaml").write_text(write_entry(entry(id="pde.own")))
    monkeypatch.setenv("HUMBOLDT_CATALOG", str(tmp_path))
    assert "pde.own" in load_catalog()
    assert "pde.burgers2d" in load_catalog()
    with pytest.raises(DataError, match=r"got 'pde.own' twice"):
        Catalog([entry(id="pde.own"), entry(id="pde.own")])
