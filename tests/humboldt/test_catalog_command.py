import json

import pytest

from humboldt.cli import main


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("HUMBOLDT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HUMBOLDT_CATALOG", str(tmp_path / "entries"))
    (tmp_path / "entries").mkdir()


def said(capsys, words, code=0):
    assert main(words.split()) == code
    return capsys.readouterr().out


def test_the_actions_are_listed_and_mistyped_ones_corrected(capsys):
    shown = said(capsys, "catalog --help")
    for action in ("list", "show", "search", "fetch", "verify", "stats", "add", "export"):
        assert f"  {action}" in shown
    assert main(["catalog", "serch"]) == 2
    assert "got 'serch'; did you mean search?" in capsys.readouterr().err


def test_list_and_search(capsys):
    rows = json.loads(said(capsys, "catalog list --json"))
    assert {"pde.burgers2d", "graphs.qm9"} <= {row["id"] for row in rows}
    assert next(row for row in rows if row["id"] == "pde.burgers2d")["here"] is True
    found = json.loads(said(capsys, "catalog search era5 --domain weather --variable eastward_wind --json"))
    assert {row["domain"] for row in found} == {"weather"}
    assert "pde.pdegym-ace " in said(capsys, "catalog search PDEgym")
    assert said(capsys, "catalog list --domain wether") == "0 data sets; did you mean 'weather'?\n"
    assert said(capsys, "catalog search nothing_of_this --domain weather").strip() == "0 data sets"
    assert main(["catalog", "list", "--licens", "MIT"]) == 2
    assert "did you mean --licence" in capsys.readouterr().err


def test_show(capsys):
    assert "| velocity_x | 1 |" in said(capsys, "catalog show pde.burgers2d")
    assert json.loads(said(capsys, "catalog show pde.burgers2d --json"))["schema"] == 1
    assert main(["catalog", "show", "pde.burger2d"]) == 2
    assert "did you mean 'pde.burgers2d'" in capsys.readouterr().err


def test_fetch_says_what_it_would_do_and_where_the_data_are(capsys, tmp_path):
    plan = said(capsys, "catalog fetch graphs.guacamol --dry-run")
    assert "fetch    guacamol_v1_train.smiles (size unknown)" in plan
    steps = json.loads(said(capsys, "catalog fetch graphs.qm9 --dry-run --json"))["steps"]
    assert steps[0]["checked"] is False
    place = json.loads(said(capsys, "catalog fetch graphs.generated-trees --json"))["path"]
    assert place == str(tmp_path / "data/graphs.generated-trees/1.0.0/made/graphs.npz")
    assert main(["catalog", "fetch", "graphs.qm9", "--offline"]) == 2
    assert "the network must not be asked" in capsys.readouterr().err


def test_verify_ends_with_its_verdict(capsys, tmp_path):
    assert "pde.burgers2d 1.0.0: ok" in said(capsys, "catalog verify pde.burgers2d")
    said(capsys, "catalog fetch graphs.generated-trees")
    place = tmp_path / "data/graphs.generated-trees/1.0.0/made/graphs.npz"
    (place.parent / "more.csv").write_text("a\n1\n")
    report = json.loads(said(capsys, "catalog verify graphs.generated-trees --json", code=1))
    assert report["ok"] is False
    assert {f["check"] for f in report["findings"] if f["status"] == "failed"} == {"checksum"}


def test_stats_are_those_recorded_and_those_computed(capsys):
    found = json.loads(said(capsys, "catalog stats pde.burgers2d --json"))
    recorded, computed = found["recorded"]["variables"]["velocity_x"], found["computed"]["velocity_x"]
    assert computed["mean"] == pytest.approx(recorded["mean"], rel=1e-9)
    assert computed["n"] == recorded["n"] == 4 * 11 * 64 * 64
    assert (found["part"], json.loads(said(capsys, "catalog stats pde.pdegym-ace --json"))["part"]) == (
        "train",
        "train",
    )
    assert "recorded over as published" in said(capsys, "catalog stats pde.pdegym-ace")
    assert "no statistics are recorded" in said(capsys, "catalog stats graphs.qm9")


def test_add_then_find(capsys, tmp_path, root):
    path = root / "data_catalog" / "examples" / "burgers2d.nc"
    words = ["catalog", "add", str(path), "--id", "pde.mine", "--licence", "Apache-2.0", "--citation", "me and you"]
    assert main([*words, "--json"]) == 0
    added = json.loads(capsys.readouterr().out)
    assert added == {"id": "pde.mine", "path": str(tmp_path / "entries" / "pde.mine.yaml")}
    assert "pde.mine 1.0.0: ok" in said(capsys, "catalog verify pde.mine")
    assert main([*words[:3], "--id", "pde.other"]) == 2
    assert "got no citation; the file does not say it" in capsys.readouterr().err


def test_export(capsys, tmp_path):
    assert json.loads(said(capsys, "catalog export pde.burgers2d"))["@type"] == "sc:Dataset"
    target = tmp_path / "new" / "folder" / "stac.json"
    said(capsys, f"catalog export weather.cmip6 --format stac --output {target}")
    assert json.loads(target.read_text())["type"] == "Collection"
    assert main(["catalog", "export", "biodiversity.worldclim-10m"]) == 2
    assert "forbid redistribution" in capsys.readouterr().err


def test_a_page_of_one_entry_with_its_picture(capsys, tmp_path):
    said(capsys, f"catalog export pde.burgers2d --format html --output {tmp_path}/page")
    assert (tmp_path / "page" / "pde.burgers2d.png").read_bytes().startswith(b"\x89PNG")
    assert 'src="pde.burgers2d.png"' in (tmp_path / "page" / "index.html").read_text()
