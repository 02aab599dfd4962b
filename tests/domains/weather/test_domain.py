"""The models as the house expects them; attention inside and across units as the released model has it."""

import pytest
import torch

from humboldt.domains.weather import Weather, build, random_mask, unit_core
from humboldt.foundations.testing import check_model_contract
from tests.domains.weather.models import batch, configuration, model


@pytest.mark.parametrize("residual", ["climate", "temporal", "none"])
def test_the_contract_of_a_model(residual):
    made = model(residual=residual)
    mask = random_mask("units", 0.5, 2, made.config.units((8, 16)))
    check_model_contract(made, batch(mask=mask), take=lambda b, s: b.samples(s), rebuild=build)


def test_layers_alternate_and_every_other_attention_inside_units_is_shifted():
    blocks = unit_core(width=8, pairs=4, heads=2, hidden=8, shifted=True).scales[0].down
    assert [b.attention.window for b in blocks] == [(1, None), (None, 1)] * 4 + [(1, None)]
    assert [b.attention.shifted for b in blocks] == [False, False, True, False, False, False, True, False, False]


def test_a_fresh_head_keeps_the_statistics():
    made = model()
    head = Weather().head("reconstruction", made)
    assert torch.equal(head.normaliser.std, made.head.normaliser.std)
    assert not torch.equal(head.unembed.weight, made.head.unembed.weight)
    with pytest.raises(ValueError, match=r"the tasks 'forecast' and 'reconstruction', got 'sing'"):
        Weather().head("sing", made)


def test_fresh_weights_depend_on_the_seed_alone():
    torch.manual_seed(3)
    one = build(configuration()).state_dict()
    torch.manual_seed(3)
    assert all(torch.equal(value, one[key]) for key, value in build(configuration()).state_dict().items())
