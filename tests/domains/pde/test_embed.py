"""From fields to tokens."""

import pytest
import torch

from humboldt.domains.pde import Channel, FieldBatch, FieldEmbed, PDEConfig, scot_core


def embedding(**choices):
    core = scot_core(width=8, depths=(1,), heads=(2,), window=4, grid=4, skips=(0,))
    channels = (Channel(name="u"), Channel(name="v"))
    return FieldEmbed(PDEConfig(inputs=channels, outputs=channels, core=core, patch=4, **choices))


def test_missing_values_enter_as_the_mean_of_their_channel():
    embed = embedding()
    embed.normaliser.mean.copy_(torch.tensor([5.0, -1.0]))
    fields = torch.randn(1, 2, 16, 16)
    missing, mean = fields.clone(), fields.clone()
    missing[0, 0, 3, 4] = float("nan")
    mean[0, 0, 3, 4] = 5.0
    time = torch.ones(1)
    assert torch.equal(embed(FieldBatch(missing, time)).x, embed(FieldBatch(mean, time)).x)


def test_a_part_of_a_patch_is_filled_from_the_other_end_or_the_edge():
    embed, x = embedding(), torch.arange(6.0).expand(1, 2, 4, 6)
    assert embed.filled(x, (True, True))[0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 0, 1]
    assert embed.filled(x, ())[0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 5, 5]


def test_a_trained_resolution_is_kept_whatever_the_data():
    embed = embedding(resolution=16)
    assert embed(FieldBatch(torch.randn(1, 2, 32, 24), torch.ones(1))).grid == (4, 4)


def test_hidden_tokens_are_all_alike():
    embed = embedding(mask_token=True)
    embed.mask_token.data.fill_(7)
    hidden = torch.zeros(1, 16, dtype=torch.bool)
    hidden[0, 5] = True
    x = embed(FieldBatch(torch.randn(1, 2, 16, 16), torch.ones(1), hidden=hidden)).x
    assert (x[0, 1, 1] == 7).all()
    assert (x == 7).all(-1).sum() == 1


def test_other_channels_are_refused_by_name():
    with pytest.raises(ValueError, match=r"takes 2 channels \['u', 'v'\] on 2 axes, got .* \(1, 3, 8, 8\)"):
        embedding()(FieldBatch(torch.randn(1, 3, 8, 8), torch.ones(1)))
    with pytest.raises(ValueError, match=r"\(1, 3, 8, 8\); put data into its channels with data.arranged"):
        embedding()(FieldBatch(torch.randn(1, 3, 8, 8), torch.ones(1)))
    with pytest.raises(ValueError, match=r"on 2 axes, got .* \(1, 2, 8\); a model of 1 axes is made with .*operator"):
        embedding()(FieldBatch(torch.randn(1, 2, 8), torch.ones(1)))
