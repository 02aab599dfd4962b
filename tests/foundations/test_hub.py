"""Upload and download through a hub on loopback, and what is said without one."""

import importlib.util
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from humboldt.foundations import (
    HubError,
    download,
    push_to_hub,
    read_config,
    read_weights,
)

from .models import small

constants = pytest.importorskip("huggingface_hub.constants")


def server():
    spec: Any = importlib.util.spec_from_file_location("hub_server", Path(__file__).with_name("hub_server.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Hub()


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub of our own; the client is pointed to it and told not to look for rights or a faster protocol."""
    running = server()
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setattr(constants, "ENDPOINT", running.url)
    template = running.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "none")
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def test_what_goes_up_comes_down(hub):
    model = small()
    commit = push_to_hub(model, "me/mine")
    folder = download("me/mine")
    assert folder.name == commit
    state = read_weights(folder, read_config(folder)["sha256"])
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert sorted(hub.repositories["me/mine"]) == ["config.json", "model.safetensors"]


def test_a_revision_is_kept_and_served_offline(hub):
    first = push_to_hub(small(), "me/mine")
    folder = download("me/mine", first)
    push_to_hub(small(), "me/mine")
    hub.shutdown()
    assert download("me/mine", first, offline=True) == folder


def test_a_repository_without_safetensors_gives_the_pytorch_file(hub):
    hub.repositories["you/old"] = {"config.json": b"{}", "pytorch_model.bin": b"tensors", "README.md": b"old"}
    assert sorted(path.name for path in download("you/old").iterdir()) == ["config.json", "pytorch_model.bin"]


def test_unknown_names_and_revisions_are_said(hub):
    with pytest.raises(HubError, match="the hub has no model 'me/nothing'"):
        download("me/nothing")
    push_to_hub(small(), "me/mine")
    with pytest.raises(HubError, match="me/mine has no revision 'v9'; leave it out for the newest"):
        download("me/mine", "v9")
    with pytest.raises(HubError, match="a hub model is called owner/name, got 'a/b/c'"):
        download("a/b/c")


def test_without_a_network_the_cure_is_a_folder(hub, monkeypatch):
    hub.shutdown()
    hub.server_close()
    with pytest.raises(HubError, match=r"the hub cannot be reached .*on a machine with a network and pass the folder"):
        download("me/mine")
    with pytest.raises(HubError, match=r"was not fetched before"):
        download("me/mine", offline=True)
    with pytest.raises(HubError, match=r"was not uploaded .*keep the model with model.save\(folder\)"):
        push_to_hub(small(), "me/mine")


def test_the_missing_client_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r'pip install "humboldt\[hub\]"'):
        download("me/mine")
