"""Writing so that nothing is half-written, reading so that nothing is half-trusted."""

import json
import resource

import pytest
import torch

from humboldt.foundations import (
    CheckpointError,
    checkpoint,
    content_hash,
    load_strictly,
    read_config,
    read_weights,
    save,
)

from .models import small


def test_round_trip(tmp_path):
    model = small()
    folder = save(model, tmp_path / "new" / "folder")
    record = read_config(folder)
    assert record["domain"] == "test"
    assert record["provenance"] == {"seed": 1}
    assert record["sha256"] == content_hash(folder / "model.safetensors")
    again = load_strictly(small(), read_weights(folder, record["sha256"]))
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]


def test_saving_over_an_old_checkpoint_replaces_both_files(tmp_path):
    save(small(), tmp_path)
    second = small()
    save(second, tmp_path)
    state = read_weights(tmp_path, read_config(tmp_path)["sha256"])
    assert torch.equal(state["embed.weight"], second.state_dict()["embed.weight"])


def test_a_failure_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    save(small(), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(json, "dumps", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(CheckpointError, match="No space left on device; what was there is unchanged; free some space"):
        save(small(), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_full_disk_leaves_nothing(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(CheckpointError, match="into a folder with room for it"):
            save(small(64), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match=r"file/folder refused: .*choose another folder"):
        save(small(), tmp_path / "file" / "folder")


def test_a_kill_between_the_two_files_is_noticed(tmp_path, monkeypatch):
    save(small(), tmp_path)
    replace = checkpoint.os.replace
    done: list[None] = []

    def once(*paths):
        if done:
            raise KeyboardInterrupt
        done.append(replace(*paths))

    monkeypatch.setattr(checkpoint.os, "replace", once)
    with pytest.raises(KeyboardInterrupt):
        save(small(), tmp_path)
    with pytest.raises(CheckpointError, match=r"its config.json promises"):
        read_weights(tmp_path, read_config(tmp_path)["sha256"])


def test_missing_or_broken_files_are_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"config.json does not exist; check the path"):
        read_config(tmp_path)
    (tmp_path / "config.json").write_text('{"format": ')
    with pytest.raises(CheckpointError, match=r"must be JSON.*fetch the checkpoint again"):
        read_config(tmp_path)
    with pytest.raises(CheckpointError, match=r"safetensors only.*does not exist"):
        read_weights(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"12345678")
    with pytest.raises(CheckpointError, match="is not a whole safetensors file"):
        read_weights(tmp_path)


def test_settings_that_are_said_twice_are_refused(tmp_path):
    (tmp_path / "config.yaml").write_text("params:\n  depth: 2\n  width: 8\n  depth: 3\n")
    with pytest.raises(CheckpointError, match=r"must be YAML, but: it names 'depth' twice"):
        read_config(tmp_path)
    (tmp_path / "config.yaml").write_text("params: {depth: 2, width: 8}\nother: {depth: 3}\n")
    assert read_config(tmp_path)["params"] == {"depth": 2, "width": 8}


@pytest.mark.parametrize("place", [3, 40, -1])
def test_a_flipped_bit_is_noticed(tmp_path, place):
    save(small(), tmp_path)
    content = bytearray((tmp_path / "model.safetensors").read_bytes())
    content[place] ^= 1
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match="the file is truncated or was altered"):
        read_weights(tmp_path, read_config(tmp_path)["sha256"])


def test_loading_names_what_does_not_fit():
    model, state = small(), small().state_dict()
    state["surplus"] = state.pop("core.norm.weight")
    state["embed.weight"] = torch.zeros(3, 3)
    message = (
        r"missing \['core.norm.weight'\], unexpected \['surplus'\], "
        r"of another shape \['embed.weight: \(3, 3\) for \(4, 2\)'\]"
    )
    with pytest.raises(CheckpointError, match=message):
        load_strictly(model, state)


def test_a_model_without_memory_takes_the_tensors_themselves():
    state = small().state_dict()
    with torch.device("meta"):
        model = small()
    load_strictly(model, state)
    assert model.get_parameter("embed.weight").data_ptr() == state["embed.weight"].data_ptr()
