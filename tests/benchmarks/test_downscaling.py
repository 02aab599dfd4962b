"""The U-Net beside which downscaling is scored, at both factors, on real analyses."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch

from humboldt.domains.weather import bicubic


@pytest.fixture
def downscaling(root: Path) -> ModuleType:
    pytest.importorskip("cfgrib")
    pytest.importorskip("diffusers")
    spec = importlib.util.spec_from_file_location("downscaling", root / "benchmarks" / "transfer" / "downscaling.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.integration
@pytest.mark.parametrize("factor", [6, 12])
def test_a_unet_begins_with_the_bicubic_state_and_learns_to_correct_it(
    downscaling: ModuleType, shared: Path, factor: int
) -> None:
    data = downscaling.pairs(shared / "data" / "weather" / "era5_members_3deg" / "era5-levels-members.grib", factor)
    batch = data.batch([0, 1])
    with torch.no_grad():
        first = downscaling.UNet(data)(batch)
    wanted = bicubic(batch.fields[:, -1], factor, True)
    torch.testing.assert_close(first, wanted, rtol=1e-5, atol=1e-2)
    assert batch.fields.shape[-2:] == (60 // factor, 120 // factor)
    if factor == 12:
        return  # learning is the same at both
    before = downscaling.errors(data, "bicubic", 0, "")
    after = downscaling.errors(data, "unet", 0, "", steps=12)
    assert sum(after[name] / before[name] for name in before) / 4 < 0.95
