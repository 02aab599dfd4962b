import pytest
import torch
import torch.nn.functional as F

from humboldt.foundations.recompute import gelu_linear


@pytest.mark.parametrize("bias", [True, False])
def test_gradients(bias):
    linear = torch.nn.Linear(5, 3, bias=bias).double()
    hidden = torch.randn(2, 4, 5, dtype=torch.double, requires_grad=True)
    torch.testing.assert_close(gelu_linear(hidden, linear), linear(F.gelu(hidden)))
    assert torch.autograd.gradcheck(lambda h: gelu_linear(h, linear), hidden)
    wanted = tuple(linear.parameters())
    ours = torch.autograd.grad(gelu_linear(hidden, linear).square().sum(), wanted)
    plain = torch.autograd.grad(linear(F.gelu(hidden)).square().sum(), wanted)
    for a, b in zip(ours, plain, strict=True):
        torch.testing.assert_close(a, b)


def test_frozen_weights_get_no_gradient():
    linear = torch.nn.Linear(5, 3).requires_grad_(False)
    hidden = torch.randn(2, 5, requires_grad=True)
    gelu_linear(hidden, linear).sum().backward()
    assert linear.weight.grad is None
    assert hidden.grad is not None


def test_autocast_gradients_have_their_own_types():
    linear, hidden = torch.nn.Linear(5, 3), torch.randn(2, 5, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        out = gelu_linear(hidden, linear)
    out.float().square().sum().backward()
    assert hidden.grad.dtype == linear.weight.grad.dtype == torch.float32


def test_a_wrapped_layer_is_called():
    class Doubled(torch.nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    linear, hidden = Doubled(5, 3), torch.randn(2, 5)
    assert torch.equal(gelu_linear(hidden, linear), linear(F.gelu(hidden)))
