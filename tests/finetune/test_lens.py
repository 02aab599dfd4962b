"""Layers skipped one after the other, inner states through the head, directions of an update."""

import copy

import pytest
import torch

from humboldt.finetune import disabled, method
from humboldt.finetune.lens import alignment, lens, losses_without
from humboldt.foundations import ConfigError
from tests.finetune.sciences import SCIENCES, science
from tests.finetune.tiny import tiny_model


def adapted(field="pde", name="bottleneck"):
    model, batch = science(field)
    made = method(name, whole=()).prepare(copy.deepcopy(model)).eval()
    torch.manual_seed(2)
    with torch.no_grad():
        for part, parameter in made.named_parameters():
            if ".hooks." in part:
                parameter.add_(0.3 * torch.randn_like(parameter))
    return made, batch


def test_nothing_skipped_is_the_adapted_model_and_all_of_it_the_base():
    made, batch = adapted()
    plain = copy.deepcopy(science("pde")[0]).eval()
    with torch.no_grad():
        found = losses_without(made, batch)
        assert next(iter(found)) == "none"
        assert found["none"] == float(made.loss(batch))
        assert found["all"] == float(plain.loss(batch))
        assert list(found)[1:-1] == ["core.scales.0.down.0", "core.scales.1.down.0", "core.scales.0.up.0"]
        with disabled(made, "scales.1"):
            assert found["core.scales.1.down.0"] == float(made.loss(batch))
    assert len(set(found.values())) == 5
    assert (
        losses_without(made, batch, 3)["core.scales.0.down.0 + core.scales.1.down.0 + core.scales.0.up.0"]
        == found["all"]
    )
    with pytest.raises(ConfigError, match="as many blocks are skipped as have adapters at most, got 4 of 3"):
        losses_without(made, batch, 4)
    with pytest.raises(ConfigError, match="got 1 of 0"):
        losses_without(tiny_model(), batch)


def test_adapters_are_disabled_by_name_and_a_name_that_is_none_is_refused():
    made, batch = adapted()
    with torch.no_grad():
        before = made(batch).fields
        with disabled(made, r"scales\.0"):
            some = made(batch).fields
        assert torch.equal(made(batch).fields, before)
    assert not torch.equal(some, before)
    said = r"disabled where they are, got targets='nowhere'; they are at \['core"
    with pytest.raises(ConfigError, match=said), disabled(made, "nowhere"):
        pass


@pytest.mark.parametrize("field", sorted(SCIENCES))
def test_the_lens_at_the_last_block_is_the_prediction(field):
    model, batch = science(field)
    model = copy.deepcopy(model).eval()
    with torch.no_grad():
        found, own = list(lens(model, batch).values()), model(batch)
    for one, two in zip(vars(found[-1]).values(), vars(own).values(), strict=True):
        assert not torch.is_tensor(two) or torch.equal(one, two)
    assert not any(module._forward_hooks for module in model.core.modules())


def test_the_lens_at_an_inner_block_shows_its_state():
    model, batch = science("pde")
    model = copy.deepcopy(model).eval()
    idle = copy.deepcopy(model)
    idle.core.scales[0].up[0].forward = lambda tokens: tokens.with_x(kept[0].x)  # type: ignore[method-assign]
    kept = []
    idle.core.scales[0].down[0].register_forward_hook(lambda block, inputs, out: kept.append(out))
    with torch.no_grad():
        found = lens(model, batch)
        assert torch.equal(found["core.scales.0.down.0"].fields, idle(batch).fields)
    assert list(found) == ["core.scales.0.down.0", "core.scales.0.up.0"]


def test_a_lens_that_fails_leaves_the_model_as_it_was():
    model, batch = science("pde")
    model = copy.deepcopy(model).eval()
    calls = []

    def refuse(head, inputs):
        calls.append(head)
        if len(calls) == 2:
            raise ArithmeticError

    model.head.register_forward_pre_hook(refuse)
    with pytest.raises(ArithmeticError):
        lens(model, batch)
    assert not any(module._forward_hooks for module in model.core.modules())


def test_directions_of_an_update_within_those_of_a_weight_have_a_cosine_of_one():
    u, s, v = torch.linalg.svd(torch.randn(6, 8, dtype=torch.float64), full_matrices=False)
    weight = u * s @ v
    torch.testing.assert_close(alignment(weight, u[:, :2] @ torch.randn(2, 8).double(), 2), torch.ones(2).double())
    assert alignment(weight, u[:, 4:] @ torch.randn(2, 8).double(), 2).max() < 1e-9
    with pytest.raises(ConfigError, match=r"from 1 to the smaller side, got 7 of \(6, 8\)"):
        alignment(weight, weight, 7)
