import pytest
import yaml

from humboldt.foundations import load_settings


def test_a_key_stands_once_in_a_mapping_but_mappings_may_share_it_and_merge():
    assert load_settings("a: {depth: 2}\nb: [{depth: 3}, yes]") == {"a": {"depth": 2}, "b": [{"depth": 3}, True]}
    assert load_settings("a: &a {depth: 2, width: 8}\nb: {<<: *a, depth: 3}")["b"] == {"depth": 3, "width": 8}
    with pytest.raises(yaml.YAMLError, match="names 'depth' twice, and which one counts is open"):
        load_settings("a: {depth: 2, width: 8, depth: 3}")
    with pytest.raises(yaml.YAMLError, match="could not determine a constructor"):
        load_settings("!!python/object/apply:os.getcwd []")
