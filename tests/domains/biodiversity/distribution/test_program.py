"""The model as a function of tensors is the model."""

import torch

from humboldt.domains.biodiversity import Biodiversity
from humboldt.domains.biodiversity.distribution import SpeciesBatch
from tests.domains.biodiversity.distribution import small


def test_it_computes_what_the_model_does():
    model = small.network()
    sizes = {"variables": 4, "species": 2, "presences": 6, "contrast": 10, "background": 20, "queries": 5}
    program = Biodiversity().program(model)(model, **sizes)
    given = dict(zip(program.inputs, program.example(0), strict=True))
    expected = model(SpeciesBatch(**given))
    logit, deviation = program(*given.values())
    assert logit.shape == (1, 2, 5)
    assert torch.equal(logit, expected.logit)
    assert torch.equal(deviation, expected.deviation)
