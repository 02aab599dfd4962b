import pytest
import torch
import torch.nn.functional as F

from humboldt.foundations.linear import Linear
from humboldt.foundations.recompute import perceptron


def pair(dtype=torch.float32, bias=True):
    torch.manual_seed(0)
    layers = Linear(4, 5, bias=bias, dtype=dtype), Linear(5, 3, bias=bias, dtype=dtype)
    return torch.randn(2, 4, 4, dtype=dtype, requires_grad=True), *layers


def plain(x, expand, contract):
    return F.linear(F.gelu(F.linear(x, expand.weight, expand.bias)), contract.weight, contract.bias)


@pytest.mark.parametrize("dtype", [torch.float32, torch.double])
@pytest.mark.parametrize("bias", [True, False])
def test_values_and_gradients(bias, dtype):
    x, expand, contract = pair(dtype, bias)
    wanted = (x, *expand.parameters(), *contract.parameters())
    ours, formula = perceptron(x, expand, contract), plain(x, expand, contract)
    torch.testing.assert_close(ours, formula)
    with torch.no_grad():
        torch.testing.assert_close(perceptron(x, expand, contract), formula)
    grads = (torch.autograd.grad(out.square().sum(), wanted) for out in (ours, formula))
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b)


def test_frozen_weights_get_no_gradient():
    x, expand, contract = pair()
    contract.requires_grad_(False)
    perceptron(x, expand, contract).sum().backward()
    assert contract.weight.grad is None
    assert x.grad is not None
    assert expand.weight.grad is not None


def test_autocast_gradients_have_their_own_types():
    x, expand, contract = pair()
    with torch.autocast("cpu", torch.bfloat16):
        out = perceptron(x, expand, contract)
    out.float().square().sum().backward()
    assert x.grad.dtype == contract.weight.grad.dtype == torch.float32


@pytest.mark.parametrize("place", [0, 1])
def test_a_wrapped_layer_is_called(place):
    class Doubled(Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    x, *layers = pair()
    wrapped = Doubled(*layers[place].weight.shape[::-1])
    layers[place] = wrapped
    with torch.no_grad():
        torch.testing.assert_close(perceptron(x, *layers), layers[1](F.gelu(layers[0](x))))
