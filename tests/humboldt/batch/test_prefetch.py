import hashlib
import json
import os
import subprocess
import sys

import pytest
import yaml

from humboldt import from_pretrained
from humboldt.batch import BatchError, prefetch, verify
from humboldt.cli import main
from humboldt.data_catalog import load_catalog, write_entry
from humboldt.foundations import push_to_hub
from tests.data_catalog.file_server import FileServer
from tests.foundations.hub_server import point_to, serving

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
    with pytest.raises(BatchError, match=r"written into a folder that is there, got .*; make the folder"):
        prefetch([RECIPE], tmp_path / "none" / "m")
    with pytest.raises(BatchError, match=r"what humboldt prefetch writes, but .*No such file.*; prefetch again"):
        verify(tmp_path / "m")
    with pytest.raises(BatchError, match=r"a path or a name of the catalog, got 'nothing.nc'"):
        prefetch([RECIPE | {"data": "nothing.nc"}], tmp_path / "m")


def test_two_revisions_of_a_model_are_two_rows(tmp_path, monkeypatch):
    for commit in ("1a", "2b"):
        (tmp_path / "snapshots" / commit).mkdir(parents=True)
    monkeypatch.setattr("humboldt.pretrained.located", lambda name, revision: tmp_path / "snapshots" / revision)
    (tmp_path / "x.nc").write_text("x")
    recipes = [{"model": "a/b", "data": str(tmp_path / "x.nc"), "revision": commit} for commit in ("1a", "2b", "1a")]
    rows = prefetch(recipes, tmp_path / "manifest.json")
    assert [row.get("revision") for row in rows] == ["1a", None, "2b"]


WITHOUT_SOCKETS = """
import sys

def refuse(event, arguments):
    if event.startswith("socket.") and event != "socket.gethostname":
        raise AssertionError(f"{event} {arguments}")

sys.addaudithook(refuse)  # also for what C opens; nothing takes it away again
from humboldt.cli import main
sys.exit(main(sys.argv[1:]))
"""


def without_sockets(*words, **environment):
    command = [sys.executable, "-c", WITHOUT_SOCKETS, *map(str, words)]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=280)


@pytest.fixture
def far(tmp_path, root, monkeypatch):
    """A recipe of a model on a hub and data behind a URL, both of which are gone when it is left."""
    pytest.importorskip("huggingface_hub")
    content = (root / RECIPE["data"]).read_bytes()
    with serving() as hub, FileServer() as files:
        point_to(hub, tmp_path, monkeypatch)
        commit = push_to_hub(from_pretrained(RECIPE["model"]), "me/nano")
        files.files["runs.nc"] = content
        file = {"path": "runs.nc", "url": files.url("runs.nc"), "sha256": hashlib.sha256(content).hexdigest()}
        entry = yaml.safe_load(write_entry(load_catalog().find("pde.burgers2d")))
        entry |= {"id": "pde.far", "source": {"kind": "files", "files": [file]}}
        (tmp_path / "catalog").mkdir()
        (tmp_path / "catalog" / "pde.far.yaml").write_text(yaml.safe_dump(entry))
        for name in ("catalog", "data"):
            monkeypatch.setenv(f"HUMBOLDT_{name.upper()}", str(tmp_path / name))
        recipe = {"model": "me/nano", "data": "pde.far", "steps": 2, "batch_size": 2, "validation_samples": 2}
        (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
        yield commit, files
        files.shutdown()


@pytest.mark.integration
def test_what_was_fetched_is_enough_for_a_run_that_cannot_open_a_socket(far, tmp_path):
    commit, files = far
    recipe, manifest, run = tmp_path / "recipe.yaml", tmp_path / "prefetched.json", tmp_path / "run"
    offline = {"HUMBOLDT_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path / "cache")}
    early = without_sockets("finetune", recipe, "--output", run, **offline)
    assert early.returncode == 2
    assert "me/nano was not fetched before" in early.stderr
    assert main(["prefetch", str(recipe), "--manifest", str(manifest)]) == 0
    model, data = json.loads(manifest.read_text())
    assert (model["name"], model["revision"], data["name"]) == ("me/nano", commit, "pde.far")
    assert data["path"].startswith(str(tmp_path / "data"))
    asked = len(files.asked)
    assert without_sockets("prefetch", "--check", "--manifest", manifest, **offline).returncode == 0
    done = without_sockets("finetune", recipe, "--output", run, **offline)
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load((run / "recipe.yaml").read_text())["revision"] == commit
    assert (run / "model.safetensors").is_file()
    assert len(files.asked) == asked
    tried = without_sockets("finetune", recipe, "--output", tmp_path / "on line", HF_HUB_CACHE=str(tmp_path / "none"))
    assert tried.returncode != 0  # the alarm works: a run that asks the network is caught
    assert "socket." in tried.stderr
