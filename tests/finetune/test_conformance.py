"""Every method that is registered, on a model of every science."""

import copy

import pytest
import torch

from humboldt.finetune import METHODS, FeaturedBatch, HookAdapter, method
from humboldt.finetune.testing import check_layer, check_method
from humboldt.foundations import ConfigError
from tests.finetune.layers import LAYERS
from tests.finetune.sciences import SCIENCES, science

SMALL = {
    "dora": {"rank": 2},
    "f_adapter": {"bands": 2},
    "lae": {"rank": 2},
    "lora": {"rank": 2},
    "oft": {"block": 4},
    "rollout_lora": {"rank": 2},
    "vera": {"rank": 4},
}
"""Options for methods whose defaults are too large for layers of eight features."""


FITTING = {("oft", "depthwise"): {"block": 3}}
REFUSED = {
    ("head", "graphs"): "a run trains at least one parameter, got none",
    ("f_adapter", "graphs"): "targets must find a layer that f_adapter adapts",
}
"""What cannot be, with the reason that is given: a head that is the embedding's own matrix; a causal block."""


def small(name):
    return method(name, **SMALL.get(name, {}))


@pytest.mark.parametrize("name", sorted(METHODS))
@pytest.mark.parametrize("field", sorted(SCIENCES))
def test_every_method_on_every_science(name, field):
    model, batch = science(field)
    if (name, field) in REFUSED:
        with pytest.raises(ConfigError, match=REFUSED[name, field]):
            small(name).prepare(copy.deepcopy(model))
        return
    if name == "aft":
        batch = FeaturedBatch(batch, torch.randn(len(batch), 8))
    check_method(small(name), model, batch)


HOOKED = sorted(name for name, kind in METHODS.items() if issubclass(kind, HookAdapter))


@pytest.mark.parametrize("layer", sorted(LAYERS))
@pytest.mark.parametrize("name", HOOKED)
def test_every_hook_on_every_layer_that_it_accepts(name, layer):
    made, x = LAYERS[layer]()
    if not METHODS[name].accepts(made):
        pytest.skip(f"{name} declares that it does not adapt a {type(made).__name__}")
    way = method(name, **FITTING.get((name, layer), SMALL.get(name, {})))
    check_layer(way.hook, made, x, tolerance=METHODS[name].start_tolerance)
