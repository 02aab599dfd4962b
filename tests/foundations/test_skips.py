import pytest
import torch
import torch.nn.functional as F

from humboldt.foundations import Tokens
from humboldt.foundations.skips import ConvNeXtSkip, ResNetSkip

from .cores import awake


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
