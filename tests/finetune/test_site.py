"""What is used of peft, and what a site promises by itself."""

import copy
from types import SimpleNamespace

import pytest
import torch
from peft import PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from torch import nn

from humboldt.finetune import HookAdapter, MergeError, disabled, method, set_adapters
from humboldt.finetune.layers import feature_axis, width_of
from humboldt.finetune.site import TUNER, Site, SiteConfig
from humboldt.foundations import ConfigError, Context, Tokens, convolve
from tests.finetune.sciences import science


class Net(nn.Module):
    """A network of another make."""

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(8, 8), nn.LayerNorm(8), nn.Linear(8, 4)

    def forward(self, x):
        return self.last(self.norm(self.first(x)))


def moved(model, adapter="default"):
    with torch.no_grad():
        for name, p in model.named_parameters():
            if f".{adapter}." in name:
                p.add_(0.1 * torch.randn_like(p))
    return model


def test_peft_serves_the_tuner_as_its_own(tmp_path):
    x = torch.randn(3, 8)
    net = Net()
    plain = net(x)
    config = SiteConfig(method="nlt", options={}, target_modules=r"first|norm")
    assert config.peft_type == TUNER
    model = moved(get_peft_model(copy.deepcopy(net), config))
    adapted = model(x)
    assert not torch.allclose(adapted, plain)
    with model.disable_adapter():
        assert torch.equal(model(x), plain)
    model.add_adapter("other", SiteConfig(method="hydra", options={"rank": 1}, target_modules="last"))
    model.set_adapter("default")
    assert torch.equal(model(x), adapted)
    model.merge_adapter()
    torch.testing.assert_close(model(x), adapted)
    model.unmerge_adapter()
    assert torch.equal(model(x), adapted)
    state = get_peft_model_state_dict(model)
    assert state
    assert all(".hooks." in key for key in state)
    other = get_peft_model(copy.deepcopy(net), config)
    set_peft_model_state_dict(other, state)
    assert torch.equal(other(x), adapted)
    model.save_pretrained(tmp_path, selected_adapters=["default"])
    assert torch.equal(PeftModel.from_pretrained(copy.deepcopy(net), tmp_path)(x), adapted)
    model.delete_adapter("other")
    torch.testing.assert_close(model.merge_and_unload()(x), adapted)


def test_a_parameter_that_is_read_from_a_site_is_the_mapped_one():
    layer = nn.Linear(4, 4)
    site = Site(layer, "layer", Context())
    hook = method("nlt").hook(layer)  # type: ignore[attr-defined]
    site.put("default", hook)
    with torch.no_grad():
        hook.a.fill_(2)
    assert torch.equal(site.weight, 2 * layer.weight)
    assert torch.equal(site.bias, layer.bias)
    assert site.in_features == 4


def test_a_periodic_convolution_goes_through_its_site():
    layer, x = nn.Conv2d(3, 3, 3, padding=1, groups=3), torch.randn(1, 3, 6, 6)
    site = Site(layer, "layer", Context())
    hook = method("nlt").hook(layer)  # type: ignore[attr-defined]
    site.put("default", hook)
    torch.testing.assert_close(convolve(site, x, (True, False)), convolve(layer, x, (True, False)))
    with torch.no_grad():
        hook.c.fill_(1)
    by_hand = copy.deepcopy(layer)
    with torch.no_grad():
        by_hand.weight.add_(1)
    torch.testing.assert_close(convolve(site, x, (True, False)), convolve(by_hand, x, (True, False)))


def adapted(name, adapter="default", model=None, **options):
    model = copy.deepcopy(science("pde")[0]) if model is None else model
    return method(name, **options).prepare(model, adapter)  # type: ignore[call-arg]


def test_two_adapters_act_one_after_the_other_and_each_alone():
    batch = science("pde")[1]
    both = adapted("bottleneck", "b", moved(adapted("nlt", "a"), "a"))
    moved(both, "b")
    alone = {}
    for names in (["a"], ["b"], ["a", "b"]):
        set_adapters(both, *names)
        alone[tuple(names)] = both(batch).fields
    assert not torch.equal(alone["a",], alone["a", "b"])
    assert not torch.equal(alone["b",], alone["a", "b"])
    with disabled(both):
        assert not torch.equal(both(batch).fields, alone["a",])
    with pytest.raises(ConfigError, match=r"has the adapters \['a', 'b'\], got \['c'\]"):
        set_adapters(both, "c")


def test_what_cannot_be_is_said_with_rule_value_and_cure():
    with pytest.raises(ConfigError, match=r"share a site only if all of them compose.*merge the first"):
        adapted("hydra", "second", adapted("hydra"))
    with pytest.raises(ConfigError, match=r"got nlt for 'default', which differs in {'name': 'hydra'"):
        adapted("nlt", model=adapted("hydra"))
    with pytest.raises(ConfigError, match=r"rank must be between 1 and the smaller side .* got 9 for a Linear"):
        adapted("hydra", rank=9)
    with pytest.raises(ConfigError, match=r"targets must find a layer that nlt adapts .* got targets='nowhere'"):
        adapted("nlt", targets="nowhere")
    with pytest.raises(ConfigError, match="inner layers first, got sites inside of those of another"):
        adapted("nlt", "second", adapted("bottleneck"))
    with pytest.raises(ConfigError, match="is put on a plain model, got one with the adapters"):
        adapted("lora", "second", adapted("nlt"))
    with pytest.raises(MergeError, match=r"got Bottleneck at core\.scales\.0.*keep the adapter"):
        method("bottleneck").merge(adapted("bottleneck"))


def test_an_adapter_inside_of_a_sequence_is_no_further_layer_of_it():
    net, x = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4)), torch.randn(3, 4)
    plain = net(x)
    made = method("bottleneck", targets="0|2", whole=()).prepare(copy.deepcopy(net))
    assert len(made) == len(net)
    assert torch.equal(made(x), plain)


@pytest.mark.parametrize("name", ["nlt", "taps", "hydra", "pissa"])
@pytest.mark.parametrize(("own", "exact"), [(torch.bfloat16, torch.float32), (torch.float64, torch.float64)])
def test_what_is_added_is_exact_whatever_the_layer_is(name, own, exact):
    layer, x = nn.Linear(6, 6).to(own), torch.randn(2, 6, dtype=own)
    site = Site(layer, "layer", Context())
    site.put("default", method(name).hook(layer))  # type: ignore[attr-defined]
    assert {p.dtype for p in site.hooks.parameters()} == {exact}
    assert site(x).dtype == own
    assert torch.equal(site(x), layer(x))


def test_what_is_added_goes_where_the_layer_is():
    layer = nn.Linear(4, 4, device="meta")
    site = Site(layer, "layer", Context())
    site.put("default", method("bottleneck").hook(layer))  # type: ignore[attr-defined]
    assert {p.device.type for p in site.hooks.parameters()} == {"meta"}


def test_options_may_differ_from_site_to_site():
    model = adapted("hydra", rank=2, overrides={r"scales\.1": {"rank": 4}}, exclude="skip")
    ranks = {n: p.shape[0] for n, p in model.named_parameters() if n.endswith("hooks.default.down")}
    assert {r for n, r in ranks.items() if "scales.1" in n} == {4}
    assert {r for n, r in ranks.items() if "scales.0" in n} == {2}
    assert not any("skip" in n for n in ranks)


def test_words_that_name_nothing_are_refused():
    with pytest.raises(ConfigError, match=r"named by regular expressions, got '\[' \(unterminated"):
        adapted("hydra", targets="[")
    with pytest.raises(ConfigError, match=r"overrides are for sites, got \['scales.9'\], which find none of"):
        adapted("hydra", overrides={"scales.9": {"rank": 1}})
    with pytest.raises(ConfigError, match="has no key 'rnk'; did you mean 'rank'"):
        adapted("hydra", overrides={"scales.1": {"rnk": 1}})
    with pytest.raises(ConfigError, match=r"are parts of the model, got \['haed'\]; there are \['embed', "):
        adapted("hydra", whole=("haed",))
    with pytest.raises(ConfigError, match=r"Hydra.whole: expected a list of values, got 'head'; write \['head'\]"):
        adapted("hydra", whole="head")


def test_a_context_tells_and_forgets():
    context = Context()
    with context.at(rollout_step=3, task="waves"):
        assert (context.rollout_step, context.task) == (3, "waves")
        context.begin(science("pde")[1])
        assert context.rollout_step == 3
        assert context.lead_time is not None
    assert (context.rollout_step, context.task) == (0, None)
    with pytest.raises(ConfigError, match=r"Poly reads the task .* with model.context.at\(task=...\)"):
        context.need("task", "Poly")
    with pytest.raises(ConfigError, match=r"is told task, rollout_step, budget, got .'stage'"), context.at(stage=1):
        pass
    for budget in (0, 25):  # a share, and neither nothing nor a percentage
        with pytest.raises(ConfigError, match=rf"in \(0, 1\], got {budget}; a quarter"), context.at(budget=budget):
            pass


def test_a_copy_of_a_model_has_a_context_of_its_own():
    model, batch = science("pde")
    one = method("nlt").prepare(copy.deepcopy(model))
    one.loss(batch)
    two = copy.deepcopy(one)
    site = next(m for m in two.modules() if isinstance(m, Site))
    assert two.context is not one.context
    assert site.context is two.context


def test_layers_say_their_width_and_axis():
    assert width_of(nn.Conv2d(2, 5, 1)) == 5
    assert feature_axis(nn.Conv2d(2, 5, 1)) == 1
    assert feature_axis(nn.Linear(2, 5)) == -1
    with pytest.raises(ConfigError, match="a ReLU has none"):
        width_of(nn.ReLU())


def test_hook_adapters_are_what_the_tuner_makes():
    assert issubclass(type(method("nlt")), HookAdapter)


def test_what_is_known_of_a_sample_is_told_to_all_its_rows_of_tokens():
    context = Context()
    context.begin(SimpleNamespace(task=torch.tensor([3, 5]), signal=torch.tensor([[1.0], [2.0]])))
    assert context.need("task", "x").tolist() == [3, 5]
    context.tokens = Tokens(torch.zeros(4, 3, 2))
    assert context.need("task", "x").tolist() == [3, 3, 5, 5]
    assert context.need("signal", "x").tolist() == [[1.0], [1.0], [2.0], [2.0]]
    assert len(context.need("instance", "x")) == 4
    with context.at(task=1):
        assert context.need("task", "x") == 1
