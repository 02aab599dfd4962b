"""Every method that is registered, on a model of every science."""

import copy
import subprocess
import sys

import pytest

from humboldt.finetune import METHODS, HookAdapter, method
from humboldt.finetune.testing import check_layer, check_method
from humboldt.foundations import ConfigError
from tests.finetune.layers import LAYERS
from tests.finetune.notes import ELSEWHERE, SMALL, noted, small
from tests.finetune.sciences import SCIENCES, science

FITTING = {
    **{(name, "depthwise"): {"block": 3} for name in ("boft", "oft")},
    ("c3a", "depthwise"): {"block": 1},
}
CAUSAL = ("f_adapter", "patch_scales", "pha", "regimes", "rna", "tail_drop", "tape", "token_budget")
REFUSED = {
    **{(name, "graphs"): f"targets must find a layer that {name} adapts" for name in CAUSAL},
    ("parameters", "graphs"): "parameters must find a parameter",
    ("head", "graphs"): "a run trains at least one parameter, got none",
}
"""What cannot be, with the reason that is given: a head that is the embedding's own matrix; maps without biases; a
sample that is looked at as a whole where a token sees only what came before."""

FIELDS = sorted(SCIENCES)


@pytest.mark.parametrize("name", sorted(METHODS))
@pytest.mark.parametrize("field", [pytest.param(f, marks=[pytest.mark.integration] * (f == "species")) for f in FIELDS])
def test_every_method_on_every_science(name, field):
    model, batch = science(field)
    if (name, field) in REFUSED:
        with pytest.raises(ConfigError, match=REFUSED[name, field]):
            small(name, model).prepare(copy.deepcopy(model))
        return
    check_method(small(name, model), model, noted(name, model, batch))


HOOKED = sorted(n for n, kind in METHODS.items() if issubclass(kind, HookAdapter) and n not in ELSEWHERE)


PAIRS = [(n, x) for n in HOOKED for x, make in sorted(LAYERS.items()) if METHODS[n].accepts(make()[0])]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("name", "layer"), PAIRS)
def test_every_hook_on_every_layer_that_it_accepts(name, layer):
    made, x = LAYERS[layer]()
    way = method(name, **FITTING.get((name, layer), SMALL.get(name, {})))
    check_layer(way.hook, made, x, tolerance=METHODS[name].start_tolerance, told={"task": 1})  # type: ignore[attr-defined]


def test_every_kind_of_layer_is_a_site_of_some_hook():
    found = {layer: sum(1 for _, other in PAIRS if other == layer) for layer in LAYERS}
    assert min(found.values()) >= 1, found


@pytest.mark.integration
def test_every_hook_compiles_as_one_graph(root):
    """In a process of its own: what checks shapes in the other tests cannot be traced."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.finetune.compiled"]
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    assert int(done.stdout) >= 24


@pytest.mark.parametrize(("name", "word"), [("pha", "task"), ("poly", "task"), ("rna", "signal")])
def test_what_a_hook_reads_and_nobody_told_is_asked_for(name, word):
    model, batch = science("pde")
    model = small(name, model).prepare(copy.deepcopy(model)).train()
    with pytest.raises(ConfigError, match=f"reads the {word} of a forward pass, got none; use"):
        model(batch)
