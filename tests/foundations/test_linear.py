import pytest
import torch
import torch.nn.functional as F

from humboldt.foundations import linear as module
from humboldt.foundations.linear import Linear, linear, suits


@pytest.mark.parametrize("preferred", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("wide", "dtype"), [(3, torch.float32), (9, torch.float32), (3, torch.double)])
def test_values_and_gradients_are_those_of_torch(wide, bias, dtype, preferred, monkeypatch):
    monkeypatch.setattr(module, "PREFERRED", preferred)
    monkeypatch.setattr(module, "MANY", 1)
    torch.manual_seed(0)
    layer = Linear(5, wide, bias=bias, dtype=dtype)
    x = torch.randn(2, 7, 5, dtype=dtype).mT.contiguous().mT.requires_grad_()
    results = []
    for function in (linear, F.linear):
        out = function(x, layer.weight, layer.bias)
        results.append((out, *torch.autograd.grad(out.square().sum(), (x, *layer.parameters()))))
    for ours, plain in zip(*results, strict=True):
        torch.testing.assert_close(ours, plain)


def test_it_has_the_parameters_of_torch():
    plain = torch.nn.Linear(2, 3)
    Linear(2, 3).load_state_dict(plain.state_dict(), strict=True)


def test_everything_but_float32_takes_the_ordinary_way(monkeypatch):
    monkeypatch.setattr(module, "PREFERRED", True)
    x, weight = torch.ones(2, 256, 2), torch.ones(2, 2)
    assert suits(x, weight)
    assert not suits(x[:1], weight)
    assert not suits(x.double(), weight.double())
    assert not suits(x, weight.double())
    assert not suits(x[:0], weight)
    with torch.autocast("cpu", torch.bfloat16):
        assert not suits(x, weight)
        assert linear(x, weight, None).dtype == torch.bfloat16


def test_no_token_at_all():
    assert Linear(2, 3)(torch.ones(0, 2)).shape == (0, 3)
