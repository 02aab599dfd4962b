"""Published settings, both ways."""

import logging

import pytest

from humboldt.domains.weather import config_from_published, config_to_published, is_published, prithvi_wxc
from humboldt.foundations import ConfigError, from_dict, to_dict
from tests.domains.weather.models import configuration
from tests.domains.weather.published_folder import SETTINGS


def test_settings_are_recognised_with_and_without_a_frame():
    assert is_published({"params": SETTINGS})
    assert is_published(SETTINGS)
    assert not is_published({"params": {"layers": 3}})
    assert config_from_published({"params": SETTINGS}) == config_from_published(SETTINGS)


def test_the_released_configuration_names_its_channels():
    config = prithvi_wxc()
    names = [c.name for c in config.channels]
    assert len(names) == 160
    assert names[9] == "SLP"
    assert names[20 + 14 * 7] == "T_m34"
    assert names[159] == "V_m72"
    assert [c.name for c in config.static[:4]] == ["latitude", "longitude", "cos_day_of_year", "sin_day_of_year"]
    assert config.channels[7].units == "Pa"
    assert config_from_published(config_to_published(config)) == config
    assert from_dict(type(config), to_dict(config)) == config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"residual": "sometimes"}, r"residual of a published model is one of .*'none'.*, got 'sometimes'"),
        ({"mask_ratio_targets": 0.5}, r"mask_ratio_targets of a published model"),
        ({"n_blocks_decoder": 0}, r"predicts through its decoder, got n_blocks_decoder=0"),
        ({"patch_size_px": [1, 2]}, r"are square, got \[1, 2\]"),
        ({"mask_unit_size_px": [10, 16]}, r"divides the published grid \(24, 32\), got \[10, 16\]"),
        ({"checkpoint_encoder": [5]}, r"names layers from 0 to 4, got \[5\]"),
        ({"masking_mode": "some"}, r"global, local or both, got 'some'"),
    ],
)
def test_refusals(changes, message):
    with pytest.raises(ConfigError, match=message):
        config_from_published({**SETTINGS, **changes})


def test_what_cannot_be_said_is_named():
    with pytest.raises(ConfigError, match=r"names the grid, got grid=None"):
        config_to_published(configuration())


def test_warnings_of_what_is_not_used(caplog):
    with caplog.at_level(logging.WARNING):
        config_from_published({**SETTINGS, "dropout": 0.1, "colour": 3, "n_blocks_decoder": 1})
    text = caplog.text
    assert "ignored: colour" in text
    assert "dropout is not used" in text
    assert "decoder has an odd number of block pairs" in text
