"""Gridded months through the public verbs: tuned, scored beside persistence, and continued."""

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

import humboldt
from humboldt.data_catalog import DataError
from humboldt.domains.biodiversity import build, open_months
from tests.domains.biodiversity.small_bioanalyst import small

CONFIG = small()


def months(count: int = 12, seed: int = 0) -> xr.Dataset:
    """Months of the channels of the small model on its grid; values rise by 1 a month from a random field."""
    random = np.random.default_rng(seed)
    rows, columns = CONFIG.grid
    level = {len(g.levels): g.levels for g in CONFIG.groups if g.levels}
    found, coords = {}, {
        "time": pd.date_range("2001-01-01", periods=count, freq="MS"),
        "latitude": np.linspace(40, 50, rows),
        "longitude": np.linspace(0, 10, columns),
    }  # fmt: skip
    for group in CONFIG.groups:
        shape = (count, *((len(group.levels),) if group.levels else ()), rows, columns)
        dims = ("time", *(("level",) if group.levels else ()), "latitude", "longitude")
        for name, units in zip(group.variables, group.units or ("",) * len(group.variables), strict=True):
            rising = np.arange(count).reshape(-1, *[1] * (len(shape) - 1))
            found[f"{group.name}_{name}"] = (dims, 5 * random.normal(size=shape[1:]) + rising, {"units": units})
    if level:
        coords["level"] = np.array(next(iter(level.values())))
    return xr.Dataset(found, coords)


def opened(**choices):
    return open_months(months(), groups=[g.name for g in CONFIG.groups], **choices)


def test_a_model_is_tuned_to_months_and_takes_their_statistics():
    model = build(CONFIG).eval()
    data = opened(split={"train": 7, "validation": 1, "test": 2})
    tuned = humboldt.finetune(model, data, steps=2, batch_size=2, progress=False)
    mean = torch.tensor([row["mean"] for row in data.split("train").statistics().values()])
    torch.testing.assert_close(tuned.embed.normaliser.mean.flatten(), mean, rtol=1e-5, atol=1e-5)
    assert not torch.equal(tuned.core.state_dict()[next(iter(tuned.core.state_dict()))],
                           model.core.state_dict()[next(iter(model.core.state_dict()))])  # fmt: skip


def test_scores_stand_beside_persistence_whose_error_is_the_rise_of_a_month(tmp_path):
    scores = humboldt.evaluate(build(CONFIG), opened(), split=None, output=tmp_path, twin=True)
    assert scores["forecast"].values.tolist() == ["persistence", "model", "twin"]
    np.testing.assert_allclose(scores["rmse"].sel(forecast="persistence"), 1.0, rtol=1e-5)
    assert (tmp_path / "scores.nc").exists()
    named = humboldt.evaluate(build(CONFIG).save(tmp_path / "model"), opened(), split=None)
    assert named["forecast"].values.tolist() == ["persistence", "model"]


def test_tuning_on_rollouts_is_scored_month_by_month_and_trains_every_correction(tmp_path):
    data = opened(steps=3, split={"train": 5, "validation": 1, "test": 2})
    method = {"name": "rollout_lora", "rank": 1, "steps": 3}
    tuned = humboldt.finetune(build(CONFIG), data, method=method, steps=8, batch_size=2, progress=False)
    updates = [p for name, p in tuned.named_parameters() if name.endswith(".b") and p.shape[0] == 3]
    assert updates
    assert all((p.flatten(1) != 0).any(1).all() for p in updates)
    scores = humboldt.evaluate(tuned, data, output=tmp_path)
    np.testing.assert_allclose(scores["rmse"].sel(forecast="persistence").T, [[1, 2, 3]] * 16, rtol=1e-5)
    alone = humboldt.evaluate(tuned, opened(split={"train": 7, "validation": 1, "test": 2}), split=None)
    assert "lead_time" not in alone.dims


def test_months_are_taken_in_the_order_and_the_units_of_the_model():
    data = months().isel(level=[1, 0])[sorted(map(str, months().data_vars), reverse=True)]
    more = data.assign(surface_extra=data["surface_t2m"])
    model, names = build(CONFIG), [g.name for g in CONFIG.groups]
    first, other = (
        humboldt.predict(model, d, 2)["surface_t2m"].values for d in (months(), more)
    )  # fmt: skip
    np.testing.assert_array_equal(first, other)
    tuned = humboldt.finetune(model, open_months(more, groups=names), steps=1, batch_size=1, progress=False)
    assert len(tuned.embed.normaliser.mean.flatten()) == CONFIG.channels
    more["surface_t2m"].attrs["units"] = "degC"
    with pytest.raises(DataError, match="units of their model, got 'degC' for surface_t2m, which is in 'K'; convert"):
        humboldt.predict(model, more, 1)


def test_the_months_that_follow_are_labelled():
    made = humboldt.predict(build(CONFIG), months(), [1, 3], groups=[g.name for g in CONFIG.groups])
    assert made["valid_time"].dt.strftime("%Y-%m").values.tolist() == ["2002-01", "2002-03"]
    name = f"{CONFIG.groups[0].name}_{CONFIG.groups[0].variables[0]}"
    assert made[name].dims[0] == "lead_time"
    assert np.isfinite(made[name]).all()


def test_months_that_do_not_follow_each_other_are_refused_before_a_forecast():
    twice = months().isel(time=[0, 1, 1, 2])
    with pytest.raises(DataError, match="without a gap, got 2001-02 after 2001-02; fill the gap"):
        humboldt.predict(build(CONFIG), twice, [1.0])


def test_other_channels_and_half_months_are_refused():
    data = months().drop_vars(f"{CONFIG.groups[0].name}_{CONFIG.groups[0].variables[0]}")
    with pytest.raises(DataError, match=r"channels of their model in its order; missing: \['"):
        humboldt.finetune(build(CONFIG), open_months(data, groups=[g.name for g in CONFIG.groups]), steps=1)
    with pytest.raises(ValueError, match=r"whole months from 1 on, got \[1.5\]; round them"):
        humboldt.predict(build(CONFIG), months(), 1.5)
    with pytest.raises(ValueError, match=r"Biodiversity.evaluate has the choices \['batch_size'\], got 'rollout'"):
        humboldt.evaluate(build(CONFIG), opened(), rollout="direct")
