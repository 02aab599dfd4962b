"""Published checkpoints: exact round trips, and what is refused."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from humboldt.domains.pde import (
    FieldBatch,
    build,
    config_from_published,
    published_initialisation,
    read_published,
    state_to_published,
    write_published,
)
from humboldt.foundations import CheckpointError, ConfigError, TimeNorm
from tests.domains.pde.small_scot import SMALL

FULL = SMALL | {
    "use_conditioning": True,
    "use_absolute_embeddings": True,
    "qkv_bias": False,
    "residual_model": "resnet",
    "drop_path_rate": 0.0,
    "hidden_dropout_prob": 0.1,
    "id2label": {"0": "a"},
}


def published(folder: Path, fields: dict, **changes: torch.Tensor) -> Path:
    """A folder in the published layout with random weights."""
    config = config_from_published(fields)
    model = build(config)
    state = state_to_published(model.state_dict(), config)
    state = {k: torch.randn_like(v) if v.is_floating_point() else v for k, v in state.items()} | changes
    folder.mkdir(exist_ok=True)
    save_file({k: v.contiguous() for k, v in state.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(fields))
    return folder


@pytest.mark.parametrize("fields", [SMALL, FULL])
@pytest.mark.parametrize("token", [False, True])
def test_reading_and_writing_changes_nothing(tmp_path, fields, token):
    changes = {"embeddings.mask_token": torch.randn(1, 1, 16)} if token else {}
    folder = published(tmp_path / "a", fields, **changes)
    written = write_published(read_published(folder), tmp_path / "b")
    assert json.loads((written / "config.json").read_text()) == fields
    before, after = load_file(folder / "model.safetensors"), load_file(written / "model.safetensors")
    assert before.keys() == after.keys()
    assert all(torch.equal(before[k], after[k]) for k in before)


def test_tables_that_are_computed_may_be_stored(tmp_path):
    key = "encoder.layers.0.blocks.0.attention.self.relative_position_index"
    read_published(published(tmp_path, SMALL, **{key: torch.zeros(16, 16)}))


def test_a_pytorch_file_of_tensors_is_read(tmp_path):
    folder = published(tmp_path, SMALL)
    model = read_published(folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    again = read_published(folder)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


class Trap:
    def __reduce__(self):
        return (Path.touch, (Path("opened"),))


def test_a_pickle_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = published(tmp_path, SMALL)
    (folder / "model.safetensors").unlink()
    torch.save({"state": Trap()}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="holds more than tensors and is not opened; convert it"):
        read_published(folder)
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(), protocol=2))
    with pytest.raises(CheckpointError, match="is not opened"):
        read_published(folder)
    assert not Path("opened").exists()


def test_a_broken_or_foreign_pytorch_file_is_refused(tmp_path):
    folder = published(tmp_path, SMALL)
    (folder / "model.safetensors").unlink()
    torch.save({"model": {"weight": torch.zeros(1)}}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="must hold a state dict of tensors"):
        read_published(folder)
    whole = (folder / "pytorch_model.bin").read_bytes()
    (folder / "pytorch_model.bin").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="is not a whole PyTorch file"):
        read_published(folder)


def test_tensors_must_fit_in_name_and_shape(tmp_path):
    folder = published(tmp_path, SMALL, surplus=torch.zeros(1))
    with pytest.raises(CheckpointError, match=r"unexpected \['surplus'\]"):
        read_published(folder)
    key = "encoder.layers.0.blocks.0.attention.self.logit_scale"
    with pytest.raises(CheckpointError, match=rf"{key}: \(2,\) for \(2, 1, 1\)"):
        read_published(published(tmp_path, SMALL, **{key: torch.zeros(2)}))
    state = load_file(folder / "model.safetensors")
    del state[key]
    save_file(state, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=rf"missing \['{key}'\]"):
        read_published(folder)


def test_half_precision_weights_become_single(tmp_path):
    folder = published(tmp_path, SMALL)
    state = {k: v.bfloat16() for k, v in load_file(folder / "model.safetensors").items()}
    save_file(state, folder / "model.safetensors")
    assert {p.dtype for p in read_published(folder).parameters()} == {torch.float32}


def test_statistics_and_other_models_have_no_published_form(tmp_path):
    model: Any = read_published(published(tmp_path, SMALL))
    model.embed.normaliser.mean.fill_(2)
    with pytest.raises(CheckpointError, match="no place for normalisation statistics"):
        write_published(model, tmp_path / "out")
    fine = build(config_from_published(SMALL))
    fine.config = type(fine.config)(**{**vars(fine.config), "resolution": None})
    with pytest.raises(ConfigError):
        write_published(fine, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_published_initialisation_silences_conditioned_norms():
    model: Any = build(config_from_published(SMALL | {"use_conditioning": True, "residual_model": "convnext"}))
    published_initialisation(model)
    norms = [m for m in model.modules() if isinstance(m, TimeNorm)]
    assert all(not m.scale.bias.any() and not m.shift.bias.any() for m in norms)
    assert torch.cat([m.scale.weight.flatten() for m in norms]).std().item() == pytest.approx(0.02, rel=0.2)
    block = model.core.scales[0].down[0]
    assert block.attention.qkv.weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert not block.attention.qkv.query_bias.any()
    assert block.attention.logit_scale.exp().tolist() == pytest.approx([10, 10])
    assert model.core.scales[0].skip[0].gamma.tolist() == pytest.approx([1e-6] * 16)
    assert model.head.patches.projection.weight.abs().max() > 0.1
    batch = FieldBatch(fields=torch.randn(1, 3, 32, 32), lead_time=torch.zeros(1))
    assert not model.encode(batch).x.any()


def test_published_initialisation_of_plain_norms_and_batch_norms():
    model: Any = build(config_from_published(SMALL | {"residual_model": "resnet"}))
    published_initialisation(model)
    assert all((m.weight == 1).all() for m in model.modules() if isinstance(m, TimeNorm))
    assert (model.core.scales[0].skip[0].bn1.weight == 1).all()
