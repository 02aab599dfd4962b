import pytest
import torch
import torch.nn.functional as F

from humboldt.foundations import Tokens, convolve
from humboldt.foundations.skips import ConvNeXtSkip, ResNetSkip, pad_axes

from .cores import awake


def test_periodic_axes_wrap_and_others_see_zeros():
    x = torch.arange(1.0, 4).reshape(1, 1, 3, 1).expand(1, 1, 3, 2)
    padded = pad_axes(x, 4, (True, False))
    assert padded[0, 0, :, 4].tolist() == [3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1]
    assert padded[0, 0, 0].tolist() == [0] * 4 + [3, 3] + [0] * 4


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_convolution_keeps_grid_and_topology(axes):
    conv = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)[axes - 1](2, 2, 3, padding=1)
    x = torch.randn(1, 2, *(5, 4, 3)[:axes])
    torch.testing.assert_close(convolve(conv, x, ()), conv(x))
    periodic = (True,) * axes
    moved = convolve(conv, x.roll(2, 2), periodic)
    torch.testing.assert_close(moved, convolve(conv, x, periodic).roll(2, 2))


@pytest.mark.parametrize("kind", [ConvNeXtSkip, ResNetSkip])
def test_masked_tokens_do_not_reach_their_neighbours(kind):
    block = awake(kind(4, 2, 1, 1e-5)).eval()
    x, mask = torch.randn(1, 5, 6, 4), torch.rand(1, 5, 6) > 0.3
    other = torch.where(mask.unsqueeze(-1), x, torch.randn_like(x))
    t = torch.rand(1, 1)
    a, b = block(Tokens(x, t, mask)).x[mask], block(Tokens(other, t, mask)).x[mask]
    assert torch.equal(a, b)


def test_convnext_is_its_formula():
    block, x, t = awake(ConvNeXtSkip(4, 1, 1, 1e-5)), torch.randn(2, 9, 4), torch.rand(2, 1)
    inner = block.norm(block.depthwise(x.mT).mT, t)
    expected = x + block.gamma * block.contract(F.gelu(block.expand(inner)))
    torch.testing.assert_close(block(Tokens(x, t)).x, expected)


def test_resnet_is_its_formula():
    block, x = awake(ResNetSkip(4, 1, 0, 1e-5)).eval(), torch.randn(2, 9, 4)
    inner = F.leaky_relu(block.bn1(block.conv1(x.mT)), 0.01)
    torch.testing.assert_close(block(Tokens(x)).x, x + block.bn2(block.conv2(inner)).mT)
