"""Models as wholes, behind the contract."""

import dataclasses

import pytest
import torch

from humboldt.domains.biodiversity import Biodiversity, GridPrediction, build
from humboldt.foundations.testing import check_model_contract
from tests.domains.biodiversity.small_bioanalyst import months, small


def take(batch, part):
    """Some samples of a batch."""
    names = ("fields", "month", "lead_time", "target")
    return dataclasses.replace(batch, **{name: getattr(batch, name)[part] for name in names})


@pytest.mark.parametrize("behaviour", ["corrected", "published"])
def test_the_contract_of_models(behaviour):
    config = small(behaviour=behaviour)
    model = build(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    batch = months(config)
    check_model_contract(model, batch, take=take if behaviour == "corrected" else None, rebuild=build)


def test_predictions_are_labelled():
    config = small()
    batch = months(config)
    labelled = Biodiversity().to_xarray(GridPrediction(batch.target), batch, config)
    assert labelled["atmospheric_q"].dims == ("sample", "level", "latitude", "longitude")
    assert labelled["atmospheric_q"].attrs["units"] == "kg kg-1"
    assert float(labelled["atmospheric_q"][1, 1, 2, 3]) == pytest.approx(batch.target[1, 6, 2, 3].item())
    assert float(labelled["misc_avg_slhtf"][0, 2, 3]) == pytest.approx(batch.target[0, 15, 2, 3].item())


def test_errors_are_per_sample_and_group():
    config = small()
    model, batch = build(config), months(config)
    fields = batch.target.clone()
    fields[1, config.slices()["forest"]] += 0.25
    (metric,) = Biodiversity().metrics(model).values()
    errors = metric(GridPrediction(fields), batch)
    assert errors.shape == (2, 11)
    assert errors[1, 8].item() == pytest.approx(0.25, rel=1e-4)
    assert errors[0].abs().max() == 0
    (of_channels,) = Biodiversity().metrics().values()
    assert of_channels(GridPrediction(fields), batch)[1].nonzero().flatten().tolist() == [13]


def test_a_fresh_head_keeps_the_statistics():
    model = build(small())
    model.head.normaliser.mean.fill_(3)
    head = Biodiversity().head("forecast", model, mask="fully")
    assert head.normaliser.mean.unique().item() == 3
    assert head.config.mask == "fully"
    with pytest.raises(ValueError, match="have the task 'forecast', got 'map'"):
        Biodiversity().head("map", model)
