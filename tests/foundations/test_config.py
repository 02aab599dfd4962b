import json

import pytest

from humboldt.foundations import AttentionConfig, BlockConfig, ConfigError, CoreConfig, ScaleConfig, from_dict, to_dict

from .cores import pyramid, sequence


@pytest.mark.parametrize("config", [pyramid(), pyramid(axes=3, seam=-200.0), sequence()])
def test_config_survives_json(config):
    assert from_dict(CoreConfig, json.loads(json.dumps(to_dict(config)))) == config


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: AttentionConfig(heads=0), "at least one head"),
        (lambda: AttentionConfig(heads=1, window=(0,)), "at least 1 or None"),
        (lambda: AttentionConfig(heads=1, window=(4,), causal=True), "causal attention needs one axis"),
        (lambda: BlockConfig(attention=AttentionConfig(heads=1), hidden=4, drop_path=1.0), r"probability in \[0, 1\)"),
        (lambda: CoreConfig(axes=4, scales=()), "1, 2 or 3 grid axes"),
        (lambda: CoreConfig(axes=1, scales=()), "at least one scale"),
        (lambda: CoreConfig(axes=1, scales=(ScaleConfig(width=4, down=()),) * 2), "one factor per axis"),
        (lambda: CoreConfig(axes=1, scales=(ScaleConfig(width=4, down=(), merge=(0,)),) * 2), "at least 1"),
    ],
)
def test_config_refuses(make, rule):
    with pytest.raises(ConfigError, match=rule):
        make()


def test_heads_divide_the_width():
    with pytest.raises(ConfigError, match=r"heads must divide the width.*heads=3 and width=8"):
        ScaleConfig(width=8, down=(BlockConfig(attention=AttentionConfig(heads=3), hidden=4),))


def test_window_has_one_size_per_axis():
    with pytest.raises(ConfigError, match=r"one size per axis \(2\), got \(None,\)"):
        CoreConfig(axes=2, scales=sequence(causal=False).scales)


def test_causal_core_refuses_what_looks_ahead():
    scale = sequence().scales[0]
    with pytest.raises(ConfigError, match="one scale and no skips"):
        CoreConfig(axes=1, scales=(ScaleConfig(width=8, down=scale.down, skip=1),))


def test_from_dict_names_the_nearest_key():
    with pytest.raises(ConfigError, match="no key 'widht'; did you mean 'width'"):
        from_dict(ScaleConfig, {"widht": 8, "down": []})
    with pytest.raises(ConfigError, match=r"needs the key\(s\) \['down'\]"):
        from_dict(ScaleConfig, {"width": 8})
    with pytest.raises(ConfigError, match="type int, got '8'"):
        from_dict(ScaleConfig, {"width": "8", "down": []})
    with pytest.raises(ConfigError, match=r"one of .'dot', 'cosine'., got 'cosin'"):
        from_dict(AttentionConfig, {"heads": 1, "similarity": "cosin"})


def test_from_dict_names_the_key_whose_value_is_wrong():
    with pytest.raises(ConfigError, match=r"^ScaleConfig.width: expected a value of type int, got 'wide'"):
        from_dict(ScaleConfig, {"width": "wide", "down": []})
    with pytest.raises(ConfigError, match=r"^ScaleConfig.merge: expected a list of values, got '22'; write \['22'\]"):
        from_dict(ScaleConfig, {"width": 8, "down": [], "merge": "22"})
