import pytest

from humboldt.finetune import Recipe, method
from tests.finetune.tiny import tiny_model


def groups():
    recipe = Recipe(core_rate=1.0, embedding_rate=2.0, norm_rate=3.0, weight_decay=0.1)
    model = method("full").prepare(tiny_model())
    names = {p: name for name, p in model.named_parameters()}
    return {g["name"]: (g, {names[p] for p in g["params"]}) for g in method("full").parameter_groups(model, recipe)}


def test_each_group_has_its_rate_and_decay():
    found = {name: (g["lr"], g["weight_decay"]) for name, (g, _) in groups().items()}
    assert found == {"embedding": (2.0, 0.1), "core": (1.0, 0.1), "norms": (3.0, 0.0), "rest": (1.0, 0.0)}


@pytest.mark.parametrize(
    ("parameter", "group"),
    [
        ("embed.patches.projection.weight", "embedding"),
        ("embed.norm.scale.weight", "embedding"),
        ("head.mix.weight", "embedding"),
        ("core.scales.0.down.0.attention.qkv.weight", "core"),
        ("core.scales.0.down.0.attention.logit_scale", "core"),
        ("core.scales.0.skip.0.gamma", "core"),
        ("core.scales.0.down.0.attention_norm.scale.bias", "norms"),
        ("core.scales.0.merge.norm.shift.weight", "norms"),
        ("core.scales.0.down.0.attention.position.hidden.weight", "rest"),
        ("core.scales.0.down.0.feed_forward.expand.bias", "rest"),
    ],
)
def test_a_parameter_is_where_the_published_rule_puts_it(parameter, group):
    assert parameter in groups()[group][1]
