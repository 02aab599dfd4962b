import pytest

from humboldt.adapting import finetune, plan_finetune
from humboldt.choosing import as_method, automatic
from humboldt.cli import UsageError
from humboldt.commands.finetune import parsed
from humboldt.foundations import ConfigError
from tests.finetune.tiny import tiny_model
from tests.humboldt.test_adapting import Trajectories


def test_auto_trains_all_where_rates_are_known_and_little_where_not():
    model = tiny_model()
    assert automatic(model).name == "lora"
    model.provenance = {"advice": {"pretrained": {"core_rate": 1e-3}}}
    assert automatic(model).name == "full"
    tuned = finetune(tiny_model(), Trajectories(3), method="auto", steps=1, batch_size=4, progress=False)
    assert tuned.provenance["recipe"]["method"]["name"] == "lora"


def test_auto_is_a_word_of_the_command_line_and_has_no_options():
    given = parsed(["m", "d.nc", "--method", "auto", "--steps", "3"], {})
    assert given["method"] == {"name": "auto"}
    plan = plan_finetune(tiny_model(), Trajectories(3), method=given["method"], steps=1)
    assert plan["method"]["name"] == "lora"
    with pytest.raises(UsageError, match=r"no option --method\.rank"):
        parsed(["m", "d.nc", "--method", "auto", "--method.rank", "3"], {})
    with pytest.raises(ConfigError, match=r"auto picks the method with its defaults, got the options \['rank'\]"):
        plan_finetune(tiny_model(), Trajectories(3), method={"name": "auto", "rank": 3}, steps=1)


def test_options_may_stand_behind_the_name():
    assert as_method("hydra:rank=3, scale=2.0") == as_method({"name": "hydra", "rank": 3, "scale": 2.0})
    plan = plan_finetune(tiny_model(), Trajectories(3), method="hydra:rank=3", scale=2.0, steps=1)
    assert (plan["method"]["rank"], plan["method"]["scale"]) == (3, 2.0)
    with pytest.raises(ConfigError, match=r"are written name:option=value,..., got 'rank' in 'hydra:rank'"):
        as_method("hydra:rank")
    with pytest.raises(ConfigError, match=r"auto picks the method with its defaults, got the options \['rank'\]"):
        plan_finetune(tiny_model(), Trajectories(3), method="auto:rank=3", steps=1)


def test_what_is_no_method_is_refused():
    for wrong in (None, tuple):
        with pytest.raises(ConfigError, match=r"a method is a name, .* or a Method, got .*; give 'lora'"):
            as_method(wrong)
