"""The model as a function of tensors is the model."""

import torch

from humboldt.domains.biodiversity import Biodiversity
from humboldt.domains.biodiversity.populations import CountBatch, build_populations, populations_nano
from humboldt.domains.biodiversity.populations.program import CountProgram


def test_it_computes_what_the_model_does():
    model = build_populations(populations_nano()).eval()
    assert Biodiversity().program(model) is CountProgram
    program = CountProgram(model, sites=3, years=5, samples=2)
    counts, counted, horizon = program.example(0)
    assert not counted.all()
    expected = model(CountBatch(counts, counted, horizon))
    mean, size = program(counts, counted, horizon)
    assert mean.shape == (2, 3)
    assert torch.equal(mean, expected.mean)
    assert torch.equal(size, expected.size)
