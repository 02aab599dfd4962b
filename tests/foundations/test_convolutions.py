import pytest
import torch
from torch import nn

from humboldt.foundations import convolve
from humboldt.foundations.convolutions import CONVOLUTION, FUNCTIONS, pad_axes, suits


def test_periodic_axes_wrap_and_others_see_zeros():
    x = torch.arange(1.0, 4).reshape(1, 1, 3, 1).expand(1, 1, 3, 2)
    padded = pad_axes(x, 4, (True, False))
    assert padded[0, 0, :, 4].tolist() == [3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1]
    assert padded[0, 0, 0].tolist() == [0] * 4 + [3, 3] + [0] * 4
    assert pad_axes(x, 2, (True, False))[0, 0, :, 2].tolist() == [2, 3, 1, 2, 3, 1, 2]


def test_what_is_padded_lies_in_the_order_of_its_axes():
    """Also for a view of tokens; processes that share gradients count on it."""
    conv, tokens = nn.Conv2d(8, 8, 3, padding=1, groups=8), torch.randn(2, 4, 4, 8)
    view = tokens.movedim(-1, 1)
    assert pad_axes(view, 1, (True, True)).is_contiguous()
    convolve(conv, view, (True, True)).sum().backward()
    assert conv.weight.grad.is_contiguous()


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_convolution_keeps_grid_and_topology(axes):
    conv = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)[axes - 1](2, 2, 3, padding=1)
    x = torch.randn(1, 2, *(5, 4, 3)[:axes])
    torch.testing.assert_close(convolve(conv, x, ()), conv(x))
    periodic = (True,) * axes
    moved = convolve(conv, x.roll(2, 2), periodic)
    torch.testing.assert_close(moved, convolve(conv, x, periodic).roll(2, 2))


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("topology", ["closed", "open", "mixed"])
@pytest.mark.parametrize("size", [(9, 6, 7), (8, 3, 4), (2, 8, 8), (1, 1, 4)], ids=str)
def test_the_gradients_of_few_channels_are_those_of_torch(axes, size, topology):
    periodic = {"closed": (True,) * axes, "open": (), "mixed": tuple(n % 2 == 0 for n in range(axes))}[topology]
    conv = CONVOLUTION[axes - 1](2, 3, 5, padding=2)
    x = torch.randn(2, 2, *size[-axes:], requires_grad=True)
    wanted = (x, conv.weight, conv.bias)
    assert suits(conv, x)
    found = convolve(conv, x, periodic)
    plain = FUNCTIONS[axes - 1](pad_axes(x, 2, periodic), conv.weight, conv.bias)
    torch.testing.assert_close(found, plain, rtol=1e-5, atol=1e-6)
    push = torch.randn_like(plain)
    for ours, theirs in zip(
        torch.autograd.grad(found, wanted, push), torch.autograd.grad(plain, wanted, push), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("topology", ["closed", "open", "mixed"])
@pytest.mark.parametrize("size", [(9, 6, 7), (1, 1, 4)], ids=str)
def test_the_gradients_of_a_kernel_for_every_channel_are_those_of_torch(axes, size, topology):
    periodic = {"closed": (True,) * axes, "open": (), "mixed": tuple(n % 2 == 0 for n in range(axes))}[topology]
    conv = CONVOLUTION[axes - 1](6, 6, 7, padding=3, groups=6)
    x = torch.randn(3, 6, *size[-axes:], requires_grad=True)
    wanted = (x, conv.weight, conv.bias)
    assert suits(conv, x)
    found = convolve(conv, x, periodic)
    plain = FUNCTIONS[axes - 1](pad_axes(x, 3, periodic), conv.weight, conv.bias, groups=6)
    torch.testing.assert_close(found, plain, rtol=1e-5, atol=1e-6)
    push = torch.randn_like(plain)
    for ours, theirs in zip(
        torch.autograd.grad(found, wanted, push), torch.autograd.grad(plain, wanted, push), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("groups", [1, 4])
def test_under_autocast_it_is_made_in_float32(groups):
    conv, x = nn.Conv2d(4, 4, 5, padding=2, groups=groups), torch.randn(2, 4, 8, 8, requires_grad=True)
    exact = convolve(conv, x, (True, True))
    exact.square().sum().backward()
    expected, x.grad, conv.weight.grad = (x.grad, conv.weight.grad), None, None
    with torch.autocast("cpu", torch.bfloat16):
        found = convolve(conv, x, (True, True))
        assert suits(conv, x.bfloat16())
    found.square().sum().backward()
    assert found.dtype == torch.float32
    for ours, theirs in zip((x.grad, conv.weight.grad), expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    assert not suits(conv, x.bfloat16())


@pytest.mark.parametrize("groups", [1, 2])
def test_gradients_of_gradients_are_those_of_torch(groups):
    conv, x = nn.Conv2d(2, 2, 3, padding=1, bias=False, groups=groups), torch.randn(1, 2, 5, 6, requires_grad=True)
    found = []
    for made in (
        convolve(conv, x, (True, True)),
        FUNCTIONS[1](pad_axes(x, 1, (True, True)), conv.weight, groups=groups),
    ):
        (slope,) = torch.autograd.grad(made.pow(3).sum(), x, create_graph=True)
        found.append(torch.autograd.grad(slope.square().sum(), (x, conv.weight)))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-3)


def test_what_is_not_plain_few_and_float32_is_left_to_torch():
    x = torch.randn(1, 4, 5, 5)
    assert suits(nn.Conv2d(4, 4, 3, padding=1), x)
    for conv in (
        nn.Conv2d(4, 4, 3, padding=1, groups=2), nn.Conv2d(4, 16, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1).double(),
        nn.Conv2d(4, 4, 3, padding=2, dilation=2), nn.Conv2d(4, 4, (3, 5), padding=(1, 2)), nn.Identity(),
    ):  # fmt: skip
        assert not suits(conv, x)
    with torch.no_grad():
        assert not suits(nn.Conv2d(4, 4, 3, padding=1), x)
