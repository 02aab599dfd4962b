"""The files are the library's, byte for byte, and their hash is known before they are read."""

import random

import pytest
import torch
from safetensors.torch import save_file

from humboldt.foundations import CheckpointError, content_hash, tensors_hash, write_tensors
from humboldt.foundations.tensor_writer import NAMES


def some(kind: torch.dtype, *shape: int) -> torch.Tensor:
    size = torch.empty(shape, dtype=kind).nbytes
    return torch.randint(0, 2, (size,), dtype=torch.uint8).view(kind).reshape(shape)


def test_the_bytes_of_the_library(tmp_path):
    names = ["z", "a.b", "A", "ä", "水", 'quo"te', "back\\slash", "tab\t", "\x01", "\x7f", "a", "𝛼", "end "]
    kinds = list(NAMES)
    state = {f"{name}{kind}": some(kind, 3, number % 4) for number, name in enumerate(names) for kind in kinds}
    state |= {"scalar": torch.tensor(3.0), "empty": torch.zeros(0, 2), "odd": some(torch.bool, 7)}
    items = list(state.items())
    random.Random(0).shuffle(items)
    said = write_tensors(dict(items), tmp_path / "ours")
    save_file(state, tmp_path / "theirs", {"format": "pt"})
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    assert said == tensors_hash(dict(items)) == content_hash(tmp_path / "theirs")


def test_no_tensors_are_a_file_too(tmp_path):
    said = write_tensors({}, tmp_path / "ours")
    save_file({}, tmp_path / "theirs", {"format": "pt"})
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    assert said == content_hash(tmp_path / "theirs")


def test_tensors_that_share_memory_or_lie_across_it_are_written_as_they_look(tmp_path):
    whole = torch.arange(12.0).reshape(3, 4)
    views = {"whole": whole, "same": whole, "part": whole[1:], "across": whole.T, "every other": whole[:, ::2]}
    said = write_tensors(views, tmp_path / "ours")
    save_file({name: view.contiguous().clone() for name, view in views.items()}, tmp_path / "theirs", {"format": "pt"})
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()
    assert said == content_hash(tmp_path / "ours")


def test_types_that_could_not_be_read_are_not_written(tmp_path):
    with pytest.raises(CheckpointError, match=r"of a type among torch.bool.*'?w'? has torch.complex64; convert it"):
        write_tensors({"w": torch.zeros(2, dtype=torch.complex64)}, tmp_path / "ours")
    assert not (tmp_path / "ours").exists()
