import pytest
import torch

from humboldt.foundations import PatchEmbed, PatchRecover


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_patches_there_and_back(axes):
    size = (4, 6, 8)[:axes]
    embed, recover = PatchEmbed(2, 5, 2, axes), PatchRecover(5, 3, 2, axes)
    tokens = embed(torch.randn(2, 2, *size))
    assert tokens.shape == (2, *(n // 2 for n in size), 5)
    assert recover(tokens).shape == (2, 3, *size)


def test_a_patch_becomes_its_own_token():
    embed, x = PatchEmbed(1, 4, 2, 2), torch.randn(1, 1, 4, 4)
    changed = x.clone()
    changed[..., 2:, :2] += 1
    assert (embed(x) != embed(changed)).any(-1).tolist() == [[[False, False], [True, False]]]


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_the_way_back_is_the_transposed_convolution(axes):
    recover, x = PatchRecover(5, 3, 2, axes), torch.randn(2, *(4, 3, 2)[:axes], 5)
    torch.testing.assert_close(recover(x), recover.projection(x.movedim(-1, 1)))


def test_one_field_has_a_bias_of_its_own_in_every_point_of_a_patch():
    """Whatever library makes the product of many rows (a view of one number would not do for all of them)."""
    recover, x = PatchRecover(8, 1, 4, 2), torch.randn(4, 16, 16, 8)
    torch.testing.assert_close(recover(x), recover.projection(x.movedim(-1, 1)))
