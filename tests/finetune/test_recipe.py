import dataclasses

import pytest

from humboldt.finetune import Recipe, read_yaml, write_yaml
from humboldt.foundations import ConfigError, from_dict, to_dict


def test_a_recipe_goes_through_yaml_and_back(tmp_path):
    recipe = Recipe(steps=7, core_rate=3e-4, average=0.9, precision="bf16-mixed")
    write_yaml(tmp_path / "recipe.yaml", to_dict(recipe))
    assert from_dict(Recipe, read_yaml(tmp_path / "recipe.yaml")) == recipe


def test_every_field_says_what_it_is_and_in_which_unit():
    for field in dataclasses.fields(Recipe):
        assert field.metadata["help"], field.name
        assert field.metadata["unit"], field.name


def test_the_defaults_are_the_published_rates():
    recipe = Recipe()
    assert (recipe.core_rate, recipe.embedding_rate, recipe.norm_rate) == (5e-5, 5e-4, 5e-4)
    assert (recipe.weight_decay, recipe.clip, recipe.warmup) == (1e-6, 5.0, 0)


def test_rates_rise_linearly_and_fall_as_a_cosine_to_zero():
    recipe = Recipe(steps=110, warmup=10)
    factors = [recipe.rate_factor(step, 110) for step in range(111)]
    assert factors[:2] == pytest.approx([0.1, 0.2])
    assert factors[10] == 1
    assert factors[60] == pytest.approx(0.5)
    assert factors[110] == pytest.approx(0)


def test_rates_that_are_warmed_up_again_end_at_a_floor():
    recipe = Recipe(steps=110, warmup=10, floor=0.1)
    factors = [recipe.rate_factor(step, 110) for step in range(111)]
    assert factors[9:11] == pytest.approx([1, 1])
    assert factors[60] == pytest.approx(0.55)
    assert factors[110] == pytest.approx(0.1)
    assert min(factors[10:]) == factors[110]
    with pytest.raises(ConfigError, match=r"floor is a share of the highest rate in \[0, 1\], got 2"):
        Recipe(floor=2.0)


@pytest.mark.parametrize(
    ("changes", "samples", "steps"),
    [({"steps": 9}, 100, 9), ({"epochs": 2.0, "batch_size": 8}, 100, 26), ({"epochs": 2.0, "accumulate": 2}, 100, 13)],
)
def test_the_length_is_steps_or_passes_over_the_data(changes, samples, steps):
    assert Recipe(**changes).length(samples) == steps


def test_bad_values_and_keys_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="no key 'stps'; did you mean 'steps'"):
        Recipe().replace(stps=3)
    with pytest.raises(ConfigError, match="steps is at least 1, got 0"):
        Recipe(steps=0)
    with pytest.raises(ConfigError, match=r"core_rate is not negative, got -1\.0"):
        Recipe(core_rate=-1.0)
    with pytest.raises(ConfigError, match=r"average is a decay in \[0, 1\), got 1"):
        Recipe(average=1.0)
    with pytest.raises(ConfigError, match=r"expected one of .*, got 'fp8'"):
        Recipe().replace(precision="fp8")
    with pytest.raises(ConfigError, match="does not exist; check the path"):
        read_yaml(tmp_path / "none.yaml")
    (tmp_path / "list.yaml").write_text("- 1")
    with pytest.raises(ConfigError, match=r"a recipe is a mapping .* holds a list"):
        read_yaml(tmp_path / "list.yaml")
    (tmp_path / "twice.yaml").write_text("steps: 400\nseed: 1\nsteps: 40\n")
    with pytest.raises(ConfigError, match=r"twice.yaml is none \(it names 'steps' twice, and which one counts is open"):
        read_yaml(tmp_path / "twice.yaml")
    (tmp_path / "none.yaml").write_text("steps: [1,\nseed: 2")
    with pytest.raises(ConfigError, match=r"a recipe is a YAML file, but .*none.yaml is none .*; correct it"):
        read_yaml(tmp_path / "none.yaml")
