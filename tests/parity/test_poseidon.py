"""Every golden case of Poseidon: output, loss, activations and gradients (tolerances as stated with the cases)."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from humboldt.domains.pde import (
    build,
    config_from_published,
    model_from_published,
    poseidon_b,
    poseidon_l,
    poseidon_t,
    state_from_published,
    state_to_published,
    with_fine_path,
)
from humboldt.foundations import ConfigError, read_config

pytestmark = pytest.mark.parity

HERE = Path(__file__).resolve().parent
EMBEDDED = HERE / "cases" / "poseidon"
CASES = (
    "a_window_padding_conditioned",
    "b_grouped_loss_mask",
    "c_unconditioned_p2",
    "d_patch8_channels5to3",
    "e_resample_48_to_32",
    "f_resample_24_to_32",
    "g_resnet_skip",
    "h_mask_token",
)


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Path:
    folder = EMBEDDED / request.param
    return folder if folder.is_dir() else request.getfixturevalue("shared") / "parity" / "poseidon" / request.param


def relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


def test_float64_agrees_to_the_last_digits(replay, case):
    found, expected = replay(case, torch.float64), load_file(case / "expected_float64.safetensors")
    assert {name: value for name in expected if (value := relative(found[name], expected[name])) > 1e-10} == {}


def test_float32_agrees_within_rounding(replay, case):
    found, expected = replay(case, torch.float32), load_file(case / "expected.safetensors")
    labels = load_file(case / "inputs.safetensors")["labels"]
    crossed = torch.sign(found["output"] - labels) != torch.sign(expected["output"] - labels)
    bound = 3e-2 if crossed.any() else 1e-2  # the gradient of |p - t| jumps where rounding puts p beyond t
    for name, value in expected.items():
        assert found[name].dtype == torch.float32
        if name.startswith("grad."):
            assert relative(found[name], value) < bound, name
        elif name == "loss":
            torch.testing.assert_close(found[name], value, rtol=1e-4, atol=0)
        else:
            torch.testing.assert_close(found[name], value, rtol=0, atol=1e-3 * float(value.std()), msg=name)
    weights = load_file(case / "weights.safetensors")
    trained = {key: value.shape for key, value in weights.items() if "running" not in key and "num_batches" not in key}
    assert {k.removeprefix("grad."): v.shape for k, v in found.items() if k.startswith("grad.")} == trained


def test_with_a_fine_path_it_computes_what_it_did(replay_command, case):
    model = model_from_published(read_config(case), load_file(case / "weights.safetensors")).eval()
    if model.config.mask_token:
        with pytest.raises(ConfigError, match="also those that mask tokens hide"):
            with_fine_path(model)
        return
    batch = replay_command.poseidon.read_batch(load_file(case / "inputs.safetensors"))
    with torch.no_grad():
        assert torch.equal(with_fine_path(model)(batch).fields, model(batch).fields)


def test_the_command_needs_no_expected_values(tmp_path):
    case = tmp_path / "case"
    shutil.copytree(EMBEDDED / "f_resample_24_to_32", case, ignore=shutil.ignore_patterns("expected*"))
    out = tmp_path / "out.safetensors"
    subprocess.run([sys.executable, HERE / "replay.py", case, out, "--dtype", "float64"], check=True, cwd=tmp_path)
    found = load_file(out)
    expected = load_file(EMBEDDED / "f_resample_24_to_32" / "expected_float64.safetensors")
    assert found["loss"].shape == (1,)
    assert relative(found["output"], expected["output"]) < 1e-10


def test_an_unknown_system_is_refused(replay, tmp_path):
    (tmp_path / "config.json").write_text('{"layers": 3}')
    with pytest.raises(SystemExit, match=r"none of the systems that can be replayed \(bioanalyst, g2pt, poseidon"):
        replay(tmp_path, torch.float32)


@pytest.mark.parametrize(
    ("size", "released", "parameters", "keys"),
    [
        ("T", poseidon_t, 20_774_444, 844),
        ("B", poseidon_b, 157_729_988, 1580),
        ("L", poseidon_l, 628_575_524, 1580),
    ],
)
def test_released_sizes(size, released, parameters, keys):
    with torch.device("meta"):
        model = build(released())
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert len(state_to_published(model.state_dict(), model.config)) == keys


@pytest.mark.parametrize(("size", "released"), [("T", poseidon_t), ("B", poseidon_b), ("L", poseidon_l)])
def test_released_key_lists(shared, size, released):
    listed = json.loads((shared / "parity" / "poseidon" / f"shapes_{size}.json").read_text())
    assert config_from_published(listed["config"]) == released()
    with torch.device("meta"):
        model = build(released())
        published = state_to_published(model.state_dict(), model.config)
        again = state_from_published(published, model.config)
    assert {key: list(value.shape) for key, value in published.items()} == listed["state_dict"]
    assert {k: v.shape for k, v in again.items()} == {k: v.shape for k, v in model.state_dict().items()}
