"""The published configuration, both ways."""

import dataclasses
import logging

import pytest

from humboldt.domains.pde import config_from_published, config_to_published, is_published, poseidon_t
from humboldt.domains.pde.published import MASK_TOKEN
from humboldt.foundations import ConfigError
from tests.domains.pde.small_scot import SMALL


def test_a_released_configuration_goes_both_ways():
    fields = config_to_published(poseidon_t())
    assert is_published(fields)
    assert fields["window_size"] == 16
    assert config_from_published(fields) == poseidon_t()


def test_absent_fields_take_the_published_defaults():
    config = config_from_published(SMALL)
    assert config.core.condition == 0
    assert config.core.scales[0].up[-1].drop_path == pytest.approx(0.1)
    assert [scale.skip for scale in config.core.scales] == [1, 0]
    assert (config.loss, config.loss_order) == ("plain", 1)


def test_unknown_keys_are_logged_and_derived_ones_are_not(caplog):
    with caplog.at_level(logging.WARNING):
        config_from_published({**SMALL, "windw_size": 3, "torch_dtype": "float32", "hidden_size": 32})
    assert "windw_size" in caplog.text
    assert "torch_dtype" not in caplog.text
    assert "hidden_size" not in caplog.text


def test_no_residual_without_conditioning():
    assert not config_from_published({**SMALL, "learn_residual": True}).increment
    assert config_from_published({**SMALL, "learn_residual": True, "use_conditioning": True}).increment


def test_channels_between_borders_are_scored_together_and_others_not_at_all():
    config = config_from_published({**SMALL, "channel_slice_list_normalized_loss": [1, 3]})
    assert list(config.groups.values()) == [(1, 2)]
    assert config_to_published(config)["channel_slice_list_normalized_loss"] == [1, 3]


def test_stages_are_not_limited_to_four():
    many = {"depths": [1] * 6, "num_heads": [2] * 6, "skip_connections": [1] * 6, "image_size": 128}
    assert len(config_from_published({**SMALL, **many}).core.scales) == 6


def test_a_mask_token_has_a_field():
    config = config_from_published({**SMALL, MASK_TOKEN: True})
    assert config.mask_token
    assert config_to_published(config)[MASK_TOKEN] is True


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"hidden_act": "relu"}, r"hidden_act of a published model is one of \('gelu',\), got 'relu'"),
        ({"p": 3}, r"p of a published model is one of \(1, 2\), got 3"),
        ({"residual_model": "unet"}, "residual_model"),
        ({"skip_connections": [1, 1, 1]}, r"skip_connections needs one entry per stage \(2\), got \[1, 1, 1\]"),
        ({"image_size": [32, 32]}, r"image_size of a published model is one integer, got \[32, 32\]"),
        ({"patch_size": 5}, "patch_size must divide image_size, got 5 and 32"),
        ({"num_heads": [3, 4]}, "number of heads must divide the width"),
        ({"pretrained_window_sizes": [8, 0]}, "pretrained_window_sizes of a published model are zeros"),
        ({"channel_slice_list_normalized_loss": [0, 2, 2]}, r"rising borders .* \(3\), got \[0, 2, 2\]"),
    ],
)
def test_what_published_models_do_not_have_is_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        config_from_published({**SMALL, **fields})


def test_what_the_format_cannot_say_is_named():
    config = dataclasses.replace(poseidon_t(), periodic=True, horizon=2.0)
    with pytest.raises(ConfigError, match="cannot say horizon, periodic of this model"):
        config_to_published(config)
