"""Blocks give what one forecast gives, whatever interrupts them."""

import numpy as np
import pytest
import xarray as xr

from humboldt import streaming
from humboldt.forecasting import predict
from humboldt.streaming import StreamError, plan_blocks, predict_blocks
from tests.finetune.tiny import tiny_model


@pytest.fixture
def state():
    draw = np.random.default_rng(0).standard_normal
    dims = ("sample", "x", "y")
    columns = {n: (dims, draw((7, 16, 16)).astype("float32"), {"units": "1"}) for n in ("velocity_x", "velocity_y")}
    return xr.Dataset(columns, coords={"sample": np.arange(7) * 10}, attrs={"periodic": "x y"})


@pytest.mark.parametrize(("name", "workers"), [("f.nc", 1), ("f.zarr", 2)])
def test_blocks_are_the_whole(tmp_path, state, name, workers):
    model = tiny_model().eval()
    place = predict_blocks(
        model, state, [0.5, 1.0], tmp_path / name, along="sample", at_a_time=3, workers=workers, batch_size=3
    )
    whole = predict(model, state, [0.5, 1.0])
    with xr.open_dataset(place, engine="zarr" if name.endswith("zarr") else None) as found:
        xr.testing.assert_allclose(found.load(), whole, rtol=1e-4, atol=1e-5)
        assert found["velocity_x"].attrs == whole["velocity_x"].attrs
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_blocks_that_are_there_are_not_made_again(tmp_path, state, monkeypatch):
    model, made = tiny_model().eval(), []

    def counted(model, part, *rest, **choices):
        made.append(part.sizes["sample"])
        if len(made) == 2:
            raise KeyboardInterrupt
        return predict(model, part, *rest, **choices)

    monkeypatch.setattr(streaming, "predict", counted)
    words = {"along": "sample", "at_a_time": 3}
    with pytest.raises(KeyboardInterrupt):
        predict_blocks(model, state, 1.0, tmp_path / "f.nc", **words)
    with pytest.raises(StreamError, match="holds blocks of another forecast; remove it, or choose another output"):
        predict_blocks(model, state, 2.0, tmp_path / "f.nc", **words)
    with pytest.raises(StreamError, match="holds blocks of another forecast"):
        predict_blocks(model, state + 1, 1.0, tmp_path / "f.nc", **words)
    tuned = tiny_model().eval()
    tuned.head.load_state_dict({key: value + 1 for key, value in tuned.head.state_dict().items()})
    with pytest.raises(StreamError, match="holds blocks of another forecast"):
        predict_blocks(tuned, state, 1.0, tmp_path / "f.nc", **words)
    predict_blocks(model, state, 1.0, tmp_path / "f.nc", **words)
    assert made == [3, 3, 3, 1]


def test_a_dry_run_makes_one_block_and_writes_nothing(tmp_path, state):
    found = plan_blocks(tiny_model().eval(), state, [0.5, 1.0], along="sample", at_a_time=3, workers=2)
    assert (found["states"], found["blocks"]) == (7, 3)
    assert found["seconds"] == pytest.approx(2 * found["seconds per block"], abs=0.06)
    assert found["core_hours"] == pytest.approx(3 * found["seconds per block"] / 3600, abs=1e-4)
    assert found["memory_megabytes"] > 100
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_cut(tmp_path, state):
    with pytest.raises(StreamError, match=r"along a dimension of the state, .*'sample'.* got 'member'"):
        predict_blocks(tiny_model(), state, 1.0, tmp_path / "f.nc", along="member")
    model = tiny_model()
    model.domain = "weather"
    with pytest.raises(StreamError, match="got a model of 'weather'; use predict"):
        predict_blocks(model, state, 1.0, tmp_path / "f.nc", along="sample")
