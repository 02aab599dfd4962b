import numpy as np
import pytest
import torch
import xarray as xr

from humboldt.domains.pde import FieldPrediction, evaluate, model_forecaster
from humboldt.domains.pde.data import open_trajectories
from tests.domains.pde.decay import decay_config, decay_model, decay_trajectories

GROUPS = ["velocity", "tracer"]


def test_an_exact_model_has_no_error_and_one_that_is_a_tenth_too_large_has_a_tenth():
    """Fields decay as exp(-t), so that persistence errs by exp(t) - 1, and an energy that is 1.21 times too large is
    off by the logarithm of that at every wavenumber that has some."""
    data = open_trajectories(decay_trajectories(), periodic=True)
    models = {"exact": model_forecaster(decay_model()), "large": model_forecaster(decay_model(1.1))}
    found = evaluate(models, data, decay_config(), lead_steps=[1, 4])
    assert found.scores["relative_l1"].dims == ("forecast", "lead_time", "group", "sample")
    assert found.scores["group"].values.tolist() == GROUPS
    for name, errors in {"exact": (0, 0), "large": (0.1, 0.1), "persistence": (np.exp(0.5) - 1, np.exp(2) - 1)}.items():
        scores = found.scores.sel(forecast=name)
        for score in ("relative_l1", "relative_l2"):
            expected = np.broadcast_to(np.array(errors)[:, None, None], scores[score].shape)
            np.testing.assert_allclose(scores[score], expected, atol=1e-5)
    spectral = found.scores["spectral_error"]
    assert spectral.sel(forecast="exact").max() < 1e-4
    assert (spectral.sel(forecast="large") > 10 * spectral.sel(forecast="exact")).all()
    energy = found.spectra["energy"].isel(lead_time=0, group=1)
    share = energy.sel(forecast="large", wavenumber=1) / energy.sel(forecast="truth", wavenumber=1)
    assert float(share) == pytest.approx(1.21, rel=1e-4)


def test_land_has_no_share_in_errors_and_spectra_and_is_not_shown():
    trajectories = decay_trajectories()
    sea = xr.DataArray(np.arange(16) > 4, dims="x")
    data = open_trajectories(trajectories.where(sea), periodic=True, missing="mask")

    def wild(batch, lead_times):
        """Exact in the sea, and anything on land."""
        for made in model_forecaster(decay_model())(batch, lead_times):
            yield FieldPrediction(torch.where(torch.from_numpy(sea.values)[:, None], made.fields, 1e6))

    found = evaluate({"wild": wild}, data, decay_config(), lead_steps=[2])
    assert float(found.scores["relative_l1"].sel(forecast="wild").max()) < 1e-5
    assert float(found.scores["spectral_error"].sel(forecast="wild").max()) < 1e-4
    assert np.isfinite(found.scores["spectral_error"]).all()  # of persistence too, whose state is NaN on land
    shown = found.example["tracer"]
    np.testing.assert_array_equal(shown.isnull().all(["forecast", "lead_time", "y"]), ~sea)
    np.testing.assert_array_equal(shown.notnull().all(["forecast", "lead_time", "y"]), sea)


def test_trajectories_in_batches_are_scored_as_at_once():
    data = open_trajectories(decay_trajectories(samples=5), periodic=True)
    one, five = (
        evaluate({"m": model_forecaster(decay_model(1.3))}, data, decay_config(), lead_steps=[1, 3], batch_size=size)
        for size in (1, 5)
    )
    xr.testing.assert_allclose(one.scores, five.scores)
    xr.testing.assert_allclose(one.spectra, five.spectra)


@pytest.mark.parametrize("steps", [[0], [2, 1], [5], []])
def test_lead_steps_rise_within_the_trajectories(steps):
    data = open_trajectories(decay_trajectories(), periodic=True)
    with pytest.raises(ValueError, match=r"lead steps are rising frame counts from 1 to 4 .* got \["):
        evaluate({}, data, decay_config(), lead_steps=steps)
