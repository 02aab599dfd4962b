"""Files of strangers: what is refused, and that nothing else happens."""

import json
import os
import pickle
import random
import struct

import pytest
import torch
from safetensors.torch import save_file

from humboldt.foundations import CheckpointError, header, read_config, read_pickled, read_weights, weight_files
from humboldt.foundations.shards import write_weights
from humboldt.foundations.tensor_file import read_tensors


def written(path, entries, data=b"\0" * 8, length=None):
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return path


def entry(**changes):
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | changes


def test_a_sound_file_is_read(tmp_path):
    path = written(tmp_path / "a.safetensors", {"w": entry(), "__metadata__": {"format": "pt"}})
    assert header(path) == {"w": entry()}
    assert torch.equal(read_tensors(path)["w"], torch.zeros(2))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"w": entry(dtype="F8_E4M3", shape=[8])}, "weights are of a type among F64, F32.* has 'F8_E4M3'"),
        ({"w": entry(shape=[3])}, r"w of shape \[3\] and type F32 lies in 8 bytes"),
        ({"w": entry(shape=[-2])}, r"w has the shape \[-2\]"),
        ({"w": entry(shape=[2**60, 2**60])}, "w has the shape"),
        ({"w": entry(shape=[1], data_offsets=[4, 8])}, "w begins at byte 4 of the data, not at 0"),
        ({"v": entry(), "w": entry()}, "begins at byte 0 of the data, not at 8"),
        ({"w": entry(shape=[1], data_offsets=[0, 4])}, "its tensors take 4 bytes, 8 are there"),
        ({"w": [1]}, "w has no dtype, shape and data_offsets"),
        ([1], "its header is a list"),
        (b'{"w": {"dtype": "F32", "dtype": "F16", "shape": [2], "data_offsets": [0, 8]}}', "names 'dtype' twice"),
        (b"[" * 5000, "must be JSON, but"),
        (b"\xff\xfe", "must be JSON, but"),
    ],
)
def test_what_a_header_may_not_say(tmp_path, entries, message):
    with pytest.raises(CheckpointError, match=message):
        read_tensors(written(tmp_path / "a.safetensors", entries))


def test_a_huge_header_is_not_read(tmp_path):
    path = written(tmp_path / "a.safetensors", {"w": entry()}, length=2**62)
    with pytest.raises(CheckpointError, match=f"its header would have {2**62} bytes in a file of"):
        header(path)
    with (tmp_path / "b.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", 2 * 10**8))
        file.truncate(3 * 10**8)
    with pytest.raises(CheckpointError, match="its header would have 200000000 bytes"):
        header(tmp_path / "b.safetensors")


def test_a_huge_configuration_is_not_read(tmp_path):
    with (tmp_path / "config.json").open("wb") as file:
        file.truncate(2**25)
    with pytest.raises(CheckpointError, match=r"may have 16777216 bytes, got 33554432; is it another kind of file\?"):
        read_config(tmp_path)


@pytest.mark.parametrize("name", ["../secret.safetensors", "/etc/passwd", "a/b.safetensors", "..", "", 7, None])
def test_an_index_does_not_lead_out_of_its_folder(tmp_path, name):
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"w": name}}))
    with pytest.raises(CheckpointError, match=r"called by its name alone|which are not there"):
        weight_files(tmp_path)


def test_a_link_does_not_lead_out_of_its_folder(tmp_path):
    save_file({"w": torch.zeros(2)}, tmp_path / "elsewhere.safetensors")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").symlink_to(tmp_path / "elsewhere.safetensors")
    with pytest.raises(CheckpointError, match=r"keeps its files in its own folder, .* copy the file to where the link"):
        read_weights(tmp_path / "model")


def test_the_snapshot_of_a_hub_leads_to_its_blobs(tmp_path):
    snapshot, blobs = tmp_path / "snapshots" / "abc", tmp_path / "blobs"
    snapshot.mkdir(parents=True), blobs.mkdir()
    save_file({"w": torch.zeros(2)}, blobs / "1234")
    (snapshot / "model.safetensors").symlink_to("../../blobs/1234")
    assert read_weights(snapshot).keys() == {"w"}


def test_an_index_that_disagrees_with_its_files_is_refused(tmp_path):
    *_, index = write_weights(tmp_path, {"a": torch.zeros(2), "b": torch.ones(2)}, largest=8)
    assert torch.equal(read_weights(tmp_path)["b"], torch.ones(2))
    said = json.loads(index.read_text())
    said["weight_map"]["c"] = said["weight_map"]["b"]
    index.write_text(json.dumps(said))
    with pytest.raises(CheckpointError, match=r"disagree about \['c'\]"):
        read_weights(tmp_path)


def test_a_tensor_in_two_files_is_refused(tmp_path):
    write_weights(tmp_path, {"a": torch.zeros(2), "b": torch.ones(2)}, largest=8)
    names = sorted(path.name for path in tmp_path.glob("model-*"))
    save_file({"a": torch.ones(2), "b": torch.ones(2)}, tmp_path / names[1])
    with pytest.raises(CheckpointError, match=r"disagree about \['a'\]"):
        read_weights(tmp_path)


def test_a_pickle_that_would_run_code_is_not_opened(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"weight": Evil()}, tmp_path / "a.bin")
    with pytest.raises(CheckpointError, match="a pickle that holds more than tensors and is not opened"):
        read_pickled(tmp_path / "a.bin")
    assert not (tmp_path / "ran").exists()


def test_a_pickle_under_the_name_of_safetensors_is_told_as_such(tmp_path):
    path = tmp_path / "model.safetensors"
    for save in (torch.save, lambda value, to: to.write_bytes(pickle.dumps(value))):
        save({"a": torch.zeros(2)}, path)
        with pytest.raises(CheckpointError, match=r"is a PyTorch file or another pickle under that name.*; convert it"):
            read_weights(tmp_path)


def test_a_header_whose_length_begins_like_a_pickle_is_read(tmp_path):
    """640 bytes are written as 80 02 00 00 00 00 00 00."""
    for spaces in range(8, 700):
        save_file({"a": torch.zeros(2)}, tmp_path / "model.safetensors", metadata={"note": "." * spaces})
        if (tmp_path / "model.safetensors").read_bytes()[:2] == b"\x80\x02":
            break
    assert (tmp_path / "model.safetensors").read_bytes()[:8] == (640).to_bytes(8, "little")
    assert read_weights(tmp_path)["a"].tolist() == [0, 0]


def test_an_old_pytorch_opens_no_pickle(tmp_path, monkeypatch):
    torch.save({"weight": torch.zeros(1)}, tmp_path / "a.bin")
    monkeypatch.setattr(torch, "__version__", "2.5.1+cpu")
    with pytest.raises(CheckpointError, match=r"opened by PyTorch 2\.6 or newer, got 2\.5\.1"):
        read_pickled(tmp_path / "a.bin")


def mutated(content, chance):
    """The bytes with a few changed, cut, repeated or put in."""
    content = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 5))):
        place = chance.randrange(max(1, min(len(content), chance.choice((16, 200, len(content))))))
        kind = chance.randrange(5)
        if kind == 0 and content:
            content[min(place, len(content) - 1)] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del content[place : place + chance.randrange(1, 40)]
        elif kind == 2:
            content[place:place] = chance.choice((b'"', b"{", b"}", b",", b"9", b"-", b"null", b"1e99", b"\xff", b"[]"))
        elif kind == 3:
            content[place : place + 1] = bytes([chance.randrange(256)])
        else:
            content = content[:place] or content
    return bytes(content)


def fuzzed(path, read, count, seed):
    """How many mutations of a file were read, refused by our error, and (none) anything else."""
    whole, chance, outcomes = path.read_bytes(), random.Random(seed), {"read": 0, "refused": 0}
    for number in range(count):
        path.unlink()  # some file systems wait for the disk where a file is overwritten
        path.write_bytes(mutated(whole, chance))
        try:
            read()
            outcomes["read"] += 1
        except CheckpointError:
            outcomes["refused"] += 1
        except BaseException as error:
            raise AssertionError(f"mutation {number} of {path.name}: {type(error).__name__}: {error}") from error
    path.write_bytes(whole)
    return outcomes


@pytest.mark.parametrize("share", [0.05, pytest.param(1.0, marks=pytest.mark.integration)])
def test_no_mutation_of_a_file_is_more_than_a_refusal(tmp_path, share):
    """All of it: 6,000 weights, 1,500 indices, 1,500 configurations, 1,000 pickles."""
    state = {"embed.weight": torch.randn(4, 3), "core.bias": torch.randn(5), "count": torch.tensor(3)}
    single, several, pickled = tmp_path / "single", tmp_path / "several", tmp_path / "pickled.pt"
    single.mkdir(), several.mkdir()
    write_weights(single, state)
    *_, index = write_weights(several, state, largest=20)
    (single / "config.json").write_text(json.dumps({"format": "humboldt-1", "domain": "pde", "config": {"a": [1, 2]}}))
    torch.save(state, pickled)
    found = {
        "weights": fuzzed(single / "model.safetensors", lambda: read_weights(single), round(6000 * share), 0),
        "index": fuzzed(index, lambda: read_weights(several), round(1500 * share), 1),
        "config": fuzzed(single / "config.json", lambda: read_config(single), round(1500 * share), 2),
        "pickle": fuzzed(pickled, lambda: read_pickled(pickled), round(1000 * share), 3),
    }
    print(found)
    assert sum(sum(outcomes.values()) for outcomes in found.values()) == 10_000 * share
    assert all(outcomes["refused"] > outcomes["read"] / 2 for outcomes in found.values())
