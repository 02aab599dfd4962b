"""Errors of a task: every model on its own channels, and only what can be compared."""

import numpy as np
import pytest

import humboldt
from humboldt.domains.weather import Downscaling, SubgridFluxes, task_errors
from tests.domains.weather.test_tasks import QUICK, opened, small


def fluxes(*names: str) -> SubgridFluxes:
    return SubgridFluxes(fine=opened(*names), factor=6, pairs=(("u", "w"),))


def test_a_model_gets_the_samples_with_its_own_channels():
    """Also where the data have the channels in another order."""
    tuned = humboldt.finetune(small(), fluxes("u", "w"), task="flux", steps=2, batch_size=4, **QUICK)
    ordered, turned = (task_errors({"tuned": tuned}, fluxes(*names)) for names in (("u", "w"), ("w", "u")))
    np.testing.assert_allclose(turned["rmse"], ordered["rmse"], rtol=1e-6)


def test_answers_have_no_rollout():
    tuned = humboldt.finetune(small(), fluxes("u", "w"), task="flux", steps=1, batch_size=4, **QUICK)
    rule = r"answers of a task are made at once, got rollout='autoregressive' and step=6; leave rollout and step out"
    for verb in (humboldt.evaluate, humboldt.predict):
        with pytest.raises(ValueError, match=rule):
            verb(tuned, fluxes("u", "w"), rollout="autoregressive", step=6)


def test_errors_are_those_of_the_definition():
    data = fluxes("u", "w")
    truth = np.stack([data.fluxes(i) for i in range(len(data))]).astype(float)
    errors = task_errors(
        {"twice": lambda batch: batch.answer.mul(2), "turned": lambda batch: batch.answer.neg()}, data, 3
    )
    area = np.asarray(data.grid.area_weights())[:, None] * np.ones(data.grid.shape)
    wanted = np.sqrt(np.average(truth[:, 0] ** 2, axis=(1, 2), weights=area).mean())
    assert float(errors["rmse"].sel(forecast="twice")[0]) == pytest.approx(wanted, rel=1e-6)
    np.testing.assert_allclose(errors["correlation"].values[:, 0], [1, -1], atol=1e-9)


def test_models_of_other_outputs_are_not_compared():
    one, other = fluxes("u", "w"), SubgridFluxes(fine=opened("u", "w"), factor=6, pairs=(("w", "u"),))
    models = [humboldt.finetune(small(), d, task="flux", steps=1, batch_size=4, **QUICK) for d in (one, other)]
    rule = r"scored on the channels that they answer with, got \['uw'\] for 'b', which says \['wu'\]"
    with pytest.raises(ValueError, match=rule):
        task_errors(dict(zip("ab", models, strict=True)), one)


def test_a_task_is_learned_in_the_order_of_the_channels_that_a_model_has():
    """Also its statistics, whichever order the data have."""
    known = humboldt.finetune(small(), opened("u", "t2m"), steps=1, batch_size=4, **QUICK)
    data = Downscaling(fine=opened("t2m", "u"), factor=6)
    tuned = humboldt.finetune(known, data, task="downscaling", steps=1, batch_size=4, **QUICK)
    assert [c.name for c in tuned.config.task.outputs] == [c.name for c in known.config.channels]
    mean = dict(zip([c.name for c in tuned.config.task.outputs], tuned.head.outputs.mean.tolist(), strict=True))
    fine = data.split("train").fine
    wanted = dict(zip([c.name for c in fine.channels], fine.statistics()["mean"].tolist(), strict=True))
    assert mean == pytest.approx(wanted, rel=1e-5)
    assert set(task_errors({"tuned": tuned}, data)["channel"].values) == set(wanted)
