"""The model as a function of tensors is the model."""

import pytest
import torch

from humboldt.domains.weather import TaskConfig, Weather, WeatherBatch, regular
from tests.domains.weather import models


@pytest.mark.parametrize("residual", ["climate", "temporal"])
def test_it_computes_what_the_model_does(residual):
    model = models.model(residual=residual)
    program = Weather().program(model)(model, grid=(8, 12), samples=2)  # the second unit of a row is filled up
    given = dict(zip(program.inputs, program.example(0), strict=True))
    assert ("climate" in given) == (residual == "climate")
    expected = model(WeatherBatch(**given, grid=regular(8, 12))).fields
    assert torch.equal(program(*given.values()), expected)
    apart = Weather().program(model)(model, grid=(8, 12), periodic=False)
    assert not torch.equal(apart(*given.values()), expected)


def test_places_of_the_example_are_those_of_the_grid():
    model = models.model()
    program = Weather().program(model)(model, grid=(8, 16))
    static = program.example(0)[1]
    torch.testing.assert_close(static[0, 0, :, 0], torch.tensor(regular(8, 16).latitude).deg2rad())


def test_other_tasks_are_refused():
    model = models.model(task=TaskConfig(kind="reconstruction"))
    with pytest.raises(ValueError, match=r"a weather program forecasts on rows and columns, got a reconstruction"):
        Weather().program(model)(model)
