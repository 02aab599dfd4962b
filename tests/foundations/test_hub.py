"""Upload and download through a hub on loopback, and what is said without one."""

import hashlib
import logging
import socket
import sys
import traceback

import pytest
import torch

from humboldt.foundations import (
    CheckpointError,
    HubError,
    download,
    load_strictly,
    push_to_hub,
    read_config,
    read_weights,
    shards,
)

from .hub_server import TOKEN, point_to, serving
from .models import small

pytest.importorskip("huggingface_hub")


@pytest.fixture
def elsewhere():
    """Another host."""
    with serving() as running:
        yield running


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub of our own; the client is pointed to it and told not to look for a faster protocol."""
    with serving() as running:
        point_to(running, tmp_path, monkeypatch)
        yield running


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


def test_shards_travel_with_their_index(hub, monkeypatch):
    monkeypatch.setattr(shards, "LARGEST", 40)
    model = small()
    push_to_hub(model, "me/large")
    assert {"model.safetensors.index.json", "model-00001-of-00003.safetensors"} <= hub.repositories["me/large"].keys()
    folder = download("me/large")
    again = load_strictly(small(), read_weights(folder, read_config(folder)["sha256"]))
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))
    (folder / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"names \['model-00002-of-00003.safetensors'\], which are not there"):
        read_weights(folder)


def test_only_the_files_of_a_release_are_fetched(hub):
    hub.repositories["you/many"] = {"config.json": b"{}", "a.safetensors": b"12", "huge.pt": b"3"}
    folder = download("you/many", files=("config.json", "a.safetensors"))
    assert sorted(path.name for path in folder.iterdir()) == ["a.safetensors", "config.json"]
    assert not any("huge" in asked for asked in hub.asked)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("truncated", r"me/mine did not arrive whole .*fetch it again"),
        ("altered", r"says that model.safetensors has the SHA-256 .*the file was removed"),
    ],
)
def test_what_arrives_broken_is_not_kept(hub, fault, message, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between the attempts of huggingface_hub
    push_to_hub(small(), "me/mine")
    hub.faults["model.safetensors"] = fault
    with pytest.raises(HubError, match=message):
        download("me/mine")
    hub.faults.clear()
    folder = download("me/mine")
    assert read_weights(folder, read_config(folder)["sha256"])


def test_a_token_goes_to_the_hub_and_not_to_the_host_that_it_redirects_to(hub, elsewhere):
    push_to_hub(small(), "me/mine")
    elsewhere.repositories["me/mine"] = dict(hub.repositories["me/mine"])
    hub.faults["model.safetensors"] = f"{elsewhere.url}/me/mine/resolve/main/model.safetensors"
    folder = download("me/mine")
    assert read_weights(folder, read_config(folder)["sha256"])
    assert any(asked.startswith("GET") for asked in elsewhere.asked)
    assert TOKEN in hub.tokens
    assert elsewhere.tokens == []


def test_tokens_are_told_to_nobody(hub, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    push_to_hub(small(), "me/mine")
    download("me/mine")
    hub.read_only = True
    with pytest.raises(HubError, match=r"no rights with Bearer \*\*\*.*set HF_TOKEN to a token that may") as refused:
        push_to_hub(small(), "me/mine")
    assert TOKEN in hub.tokens
    told = "".join(traceback.format_exception(refused.value)) + caplog.text + "".join(capsys.readouterr())
    assert TOKEN not in told


def test_private_and_gated_models_ask_for_a_login(hub):
    push_to_hub(small(), "me/mine")
    hub.closed.add("me/mine")
    with pytest.raises(HubError, match=r"that you may read; .*log in \(hf auth login\) where it is private"):
        download("me/mine")
    hub.gated.add("me/mine")
    with pytest.raises(HubError, match="accept them on its page, then log in"):
        download("me/mine")


@pytest.mark.parametrize("name", ["HUMBOLDT_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_no_socket_is_opened(hub, monkeypatch, name):
    push_to_hub(small(), "me/mine")
    folder = download("me/mine")

    def refuse(*_):
        raise AssertionError("a socket was opened")

    monkeypatch.setenv(name, "1")
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert download("me/mine") == folder
    with pytest.raises(HubError, match="you/never was not fetched before"):
        download("you/never")


def test_partial_and_stale_caches_are_said(hub, tmp_path):
    hub.repositories["me/mine"] = {"config.json": b"{}"}
    with pytest.raises(HubError, match="me/mine holds no weights of a kind that is read here"):
        download("me/mine")
    with pytest.raises(HubError, match=r"only a part of me/mine is in the cache, without its weights"):
        download("me/mine", offline=True)
    with pytest.raises(HubError, match=r"the cache of me/mine is stale: it holds no whole copy of revision 'v2'"):
        download("me/mine", "v2", offline=True)
    reference = tmp_path / "cache" / "models--me--mine" / "refs" / "main"
    reference.write_text(reference.read_text() + "\n")
    with pytest.raises(HubError, match=r"holds a commit and nothing else, .*remove the blanks and line ends"):
        download("me/mine", offline=True)


def test_what_the_hub_calls_a_blob_is_its_hash(hub):
    push_to_hub(small(), "me/mine")
    blob = (download("me/mine") / "model.safetensors").resolve()
    assert blob.name == hashlib.sha256(blob.read_bytes()).hexdigest()


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
