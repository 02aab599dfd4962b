"""Every golden case of Prithvi WxC, within the tolerances that are stated with the cases."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from humboldt.domains.weather import (
    build,
    prithvi_wxc,
    prithvi_wxc_small,
    published_state,
    state_from_published,
)

pytestmark = pytest.mark.parity

HERE = Path(__file__).resolve().parent
EMBEDDED = HERE / "cases" / "prithvi_wxc"
CASES = (
    "both_swap_climate_absolute",
    "dense_none_fourier_shift",
    "given_mask_climate_fourier",
    "global_climate_fourier",
    "local_temporal_absolute",
    "loss_grad_climate_fourier",
    "rollout2_climate_fourier",
)


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Path:
    folder = EMBEDDED / request.param
    return folder if folder.is_dir() else request.getfixturevalue("shared") / "parity" / "prithvi_wxc" / request.param


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_tensor_agrees_within_rounding(replay, case, dtype):
    found, expected = replay(case, dtype), load_file(case / "expected.safetensors")
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].dtype == dtype
        rtol, atol = 1e-4, 1e-4
        if name.startswith("grad."):
            rtol, atol = 1e-3, 1e-4 * float(value.abs().max())
        elif "rollout" in case.name:
            atol = 5e-4
        elif name.endswith("output"):
            atol = 2e-4
        difference = (found[name].double() - value.double()).abs()
        assert (difference <= atol + rtol * value.abs()).all(), name


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_loaders_agree_to_the_last_bit(replay, dtype):
    folder = EMBEDDED / "loader"
    found, expected = replay(folder, dtype), load_file(folder / "expected.safetensors")
    assert {n for n in expected if not torch.equal(found[n].float(), expected[n])} == set()
    listed = json.loads((folder / "info.json").read_text())
    singles = sum(len(group) for e in ("fourier", "absolute") for group in listed[f"samples_{e}"])
    assert len([name for name in found if name.startswith("single.")]) == 6 * singles


def test_the_command_needs_no_expected_values(tmp_path):
    case = tmp_path / "case"
    shutil.copytree(EMBEDDED / "rollout2_climate_fourier", case, ignore=shutil.ignore_patterns("expected*"))
    out = tmp_path / "out.safetensors"
    subprocess.run([sys.executable, HERE / "replay.py", case, out, "--dtype", "float64"], check=True, cwd=tmp_path)
    expected = load_file(EMBEDDED / "rollout2_climate_fourier" / "expected.safetensors")
    assert load_file(out).keys() == expected.keys()


@pytest.mark.parametrize(
    ("listed", "released", "parameters"),
    [("shapes_2300M.json", prithvi_wxc, 2_366_633_600), ("shapes_small.json", prithvi_wxc_small, 279_685_760)],
)
def test_released_key_lists(listed, released, parameters):
    with torch.device("meta"):
        model = build(released())
        published = published_state(model)
        again = state_from_published(published, model.config)
    assert {key: list(value.shape) for key, value in published.items()} == json.loads((EMBEDDED / listed).read_text())
    assert {key for key, value in published.items() if value.dtype == torch.bool} == {
        key for key in published if key.endswith("_mask")
    }
    assert {k: v.shape for k, v in again.items()} == {k: v.shape for k, v in model.state_dict().items()}
    assert sum(p.numel() for p in model.parameters()) == parameters
