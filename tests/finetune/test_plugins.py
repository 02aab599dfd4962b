"""A package that brings a method along: one line of its configuration, and it is known by name and proven."""

import sys

import pytest
import torch

from humboldt.finetune import METHODS, known_methods, method, table
from humboldt.finetune.method import _load_plugins
from humboldt.finetune.testing import check_method
from tests.finetune.sciences import SCIENCES, science

SOURCE = '''
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from humboldt.finetune import HookAdapter, WeightMap


class InputGains(WeightMap):
    """W diag(1 + g), g = 0 at the start."""

    def __init__(self, layer):
        super().__init__()
        self.g = nn.Parameter(torch.zeros(layer.in_features))

    def weights(self, weights, context):
        return {"weight": weights["weight"] * (1 + self.g)}


@dataclass(frozen=True, kw_only=True)
class Gains(HookAdapter):
    """A learned gain for every input of every linear map."""

    name: ClassVar[str] = "plugged_gains"
    kind: ClassVar[str] = "weights"
    source: ClassVar[str] = "a test"
    layers: ClassVar[tuple[type[nn.Module], ...]] = (nn.Linear,)

    def hook(self, layer):
        return InputGains(layer)
'''


def install(folder, name, source):
    """A package with a module, which an entry point names."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[humboldt.methods]\nmine = {name}\n")
    (folder / f"{name}.py").write_text(source)


@pytest.fixture
def plugged(tmp_path, monkeypatch):
    """An installed package of another author."""
    install(tmp_path, "foreign_gains", SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    _load_plugins.cache_clear()
    yield "plugged_gains"
    METHODS.pop("plugged_gains", None)
    sys.modules.pop("foreign_gains", None)
    _load_plugins.cache_clear()


def test_a_method_of_another_package_is_found_by_name_and_passes_on_every_science(plugged):
    assert plugged not in METHODS
    way = method(plugged)
    assert type(way).__module__ == "foreign_gains"
    assert plugged in known_methods()
    assert plugged in {row["name"] for row in table()}
    for field in sorted(SCIENCES):
        check_method(way, *science(field))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nothing_like_it", "No module named 'nothing_like_it'"),
        (SOURCE.replace("plugged_gains", "hydra"), "a method has a name of its own, got 'hydra' of foreign_faulty"),
    ],
)
def test_a_package_that_is_broken_or_takes_a_name_leaves_the_others_as_they_are(
    plugged, source, said, tmp_path, monkeypatch, caplog
):
    ours = METHODS["hydra"]
    install(tmp_path, "foreign_faulty", source)
    monkeypatch.delitem(sys.modules, "foreign_faulty", raising=False)
    with caplog.at_level("WARNING"):
        assert plugged in known_methods()
    assert "methods of foreign_faulty are left out" in caplog.text
    assert said in caplog.text
    assert METHODS["hydra"] is ours


def test_a_method_that_breaks_a_rule_is_caught(plugged, monkeypatch):
    way = method(plugged)
    kind = sys.modules["foreign_gains"].InputGains

    class Loud(kind):  # type: ignore[misc, valid-type]
        def __init__(self, layer):
            super().__init__(layer)
            with torch.no_grad():
                self.g.fill_(0.5)

    class Dead(kind):  # type: ignore[misc, valid-type]
        def weights(self, weights, context):
            return {"weight": weights["weight"] * (1 + 0 * self.g)}

    for broken, message in ((Loud, "must start where the model was"), (Dead, "must move within two steps")):
        monkeypatch.setattr(sys.modules["foreign_gains"], "InputGains", broken)
        with pytest.raises(AssertionError, match=message):
            check_method(way, *science("pde"))
