import copy

import numpy as np
import pytest
import torch

from humboldt.protocols.explanation import Effect, agreement, effects, gradients, is_sane, randomised
from humboldt.protocols.objects import find_objects, object_effects
from humboldt.protocols.states import ProtocolError, states
from tests.finetune.sciences import science


def question(prediction):
    """How much the first channel changes: what stays as it was is no merit of the model."""
    return (prediction.fields[:, 0] - science("pde")[1].fields[:, 0]).flatten(1).square().mean(1)


def edges(model, batch, question):
    """An explanation that looks at the input alone."""
    fields = states(batch)
    return (fields - fields.roll(1, -1)).abs()


def test_gradients_change_with_the_model_and_edges_do_not():
    model, batch = science("pde")
    treated = dict(randomised(model))
    assert list(treated) == ["head", "head + core", "head + core + embed"]
    honest = effects(model, treated, batch, question)
    assert is_sane(honest)
    assert all(effect.prediction > 0 for effect in honest)
    assert not is_sane(effects(model, treated, batch, question, edges))


def test_an_untreated_model_has_no_effect():
    model, batch = science("pde")
    (effect,) = effects(model, {"same": copy.deepcopy(model)}, batch, question)
    assert effect.prediction == 0
    assert effect.attribution == pytest.approx(0, abs=1e-6)


def test_attribution_is_where_the_question_looks():
    class Pointwise(torch.nn.Module):
        def forward(self, batch):
            return batch

    _, batch = science("pde")
    found = gradients(Pointwise(), batch, lambda prediction: prediction.fields[:, 1, :4].flatten(1).sum(1))
    assert found[:, 0, 1, :4].gt(0).all()
    assert found[:, 0, 0].eq(0).all()
    assert found[:, 0, 1, 4:].eq(0).all()


def test_effects_that_go_together_agree():
    assert agreement([Effect("a", 1.0, 0.1), Effect("b", 2.0, 0.2), Effect("c", 3.0, 0.3)]) == 1
    assert agreement([Effect("a", 1.0, 0.3), Effect("b", 2.0, 0.2), Effect("c", 3.0, 0.1)]) == -1
    with pytest.raises(ProtocolError, match="three treatments or more, got 1"):
        agreement([Effect("a", 1.0, 0.1)])
    with pytest.raises(ProtocolError, match="needs the effects of randomisation"):
        is_sane([])


def field():
    found = np.zeros((16, 16), np.float32)
    found[2:5, 2:5] = 3
    found[8:10, 14:] = -4
    found[8:10, :2] = -4
    found[13, 7] = 5  # too small for an object
    return found


def test_objects_are_connected_and_go_over_a_periodic_edge():
    closed = find_objects(field(), smallest=2, periodic=(False, True))
    assert closed.max() == 2
    assert (closed[2:5, 2:5] == 1).all()
    assert (closed[8:10, [0, 1, 14, 15]] == 2).all()
    assert closed[13, 7] == 0
    assert find_objects(field(), smallest=2).max() == 3
    with pytest.raises(ProtocolError, match="stands out by 1 deviations"):
        find_objects(np.zeros((4, 4)))


class Total(torch.nn.Module):
    """The sum of the field, or its square: with a square, objects act together."""

    def __init__(self, power):
        super().__init__()
        self.power = power

    def forward(self, batch):
        return batch.fields.flatten(1).sum(1) ** self.power


def test_effects_of_objects_add_up_in_a_linear_model_and_only_there():
    from humboldt.domains.pde import FieldBatch

    x = torch.from_numpy(field())[None, None]
    batch, labels = FieldBatch(fields=x, lead_time=torch.ones(1)), find_objects(field(), smallest=2)
    zero = torch.zeros(1, 16, 16)
    linear = object_effects(Total(1), batch, labels, lambda p: p, climatology=zero)
    assert linear.effects == pytest.approx((27, -16, -16)) or linear.effects == pytest.approx((27.0, -16.0, -16.0))
    assert linear.total == pytest.approx(-5)
    assert linear.interaction == pytest.approx(0)
    square = object_effects(Total(2), batch, labels, lambda p: p, climatology=zero)
    assert abs(square.interaction) > 0.1
    with pytest.raises(ProtocolError, match="one sample, got a batch of 2"):
        object_effects(Total(1), FieldBatch(fields=x.repeat(2, 1, 1, 1), lead_time=torch.ones(2)), labels, lambda p: p)
