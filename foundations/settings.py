"""Settings in YAML: what is said twice is refused, since YAML itself would take the last and say nothing."""

from __future__ import annotations

from typing import Any

import yaml


class _Unique(yaml.SafeLoader):
    """Refuses a key that is there twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise yaml.YAMLError(f"it names {twice[0]!r} twice, and which one counts is open")
        return super().construct_mapping(node, deep)


def load_settings(text: str) -> Any:
    """What a YAML text holds: plain values, lists and mappings.

    Raises:
        yaml.YAMLError: not YAML, or a key that stands twice in a mapping.
    """
    return yaml.load(text, _Unique)
