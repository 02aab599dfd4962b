"""The model as a function of tensors is the model."""

import pytest
import torch

from humboldt.domains.pde import PDE, FieldBatch
from tests.finetune.tiny import tiny_model


def test_it_computes_what_the_model_does_on_axes_that_close_or_do_not():
    model = tiny_model().eval()
    for periodic, closed in ((True, (True, True)), (False, (False, False)), ([True, False], (True, False))):
        program = PDE().program(model)(model, grid=(16, 8), periodic=periodic, samples=3)
        fields, lead_time = program.example(0)
        assert fields.shape == (3, 2, 16, 8)
        assert torch.equal(program(fields, lead_time), model(FieldBatch(fields, lead_time, periodic=closed)).fields)
    assert not torch.equal(program.example(1)[0], fields)


def test_a_grid_has_the_axes_of_the_model():
    model = tiny_model()
    with pytest.raises(ValueError, match=r"a number of points for each of 2 space axes, got \[8\]"):
        PDE().program(model)(model, grid=[8])
