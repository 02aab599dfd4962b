import errno
import json
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml

import humboldt.commands.finetune as finetune_command
from humboldt.cli import COMMANDS, UsageError, main, make_parser, option, parse
from humboldt.commands.pretrain import configuration
from humboldt.domains.pde import PDEConfig
from humboldt.finetune import FIELDS, METHODS, Recipe
from humboldt.foundations import to_dict


@pytest.fixture
def called(monkeypatch):
    """What the function behind `humboldt finetune` was called with."""
    calls = SimpleNamespace()
    for name in ("finetune", "plan_finetune"):

        def record(model, data, name=name, **choices):
            calls.name, calls.model, calls.data, calls.choices = name, model, data, choices
            return {"planned": True}

        monkeypatch.setattr(finetune_command, name, record)
    return calls


def error_of(capsys, *words):
    assert main(words) == 2
    return capsys.readouterr().err


def test_the_overview_lists_every_command_and_loads_nothing_heavy(root):
    code = "import sys; from humboldt.cli import main; main(['--help']); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert all(f"  {name}" in done.stdout for name in COMMANDS)
    assert done.stdout.endswith("False\n")


def test_the_version_and_unknown_commands(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip()
    assert "got 'finetun'; did you mean finetune?" in error_of(capsys, "finetun")


def test_a_model_that_cannot_be_had_is_an_error_that_is_told(capsys, monkeypatch):
    monkeypatch.setenv("HUMBOLDT_OFFLINE", "1")
    told = error_of(capsys, "finetune", "camlab-ethz/Poseidon-X", "waves.nc", "--output", "run")
    assert "camlab-ethz/Poseidon-X was not fetched before" in told
    assert "did you mean 'camlab-ethz/Poseidon-" in told


def test_a_full_disk_and_a_spent_quota_are_told_with_a_cure(capsys, monkeypatch):
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOENT):

        def full(self, words, number=number):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr("humboldt.cli._command", lambda name, full=full: SimpleNamespace(run=full.__get__(name)))
        told = error_of(capsys, "predict")
        assert os.strerror(number) in told
        assert ("needs room: free some space, or write elsewhere" in told) == (number in (errno.ENOSPC, errno.EDQUOT))
        assert ("limit on the size of files (ulimit -f), or write elsewhere" in told) == (number == errno.EFBIG)


def test_a_recipe_names_one_method(tmp_path, capsys):
    (tmp_path / "recipe.yaml").write_text("{model: m, data: d, method: [lora]}")
    told = error_of(capsys, "finetune", str(tmp_path / "recipe.yaml"))
    assert "a recipe names one method, got ['lora']; write method: lora" in told


def test_help_shows_every_field_with_unit_and_default(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["finetune", "--method", "lora", "--help"])
    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for name, field in FIELDS.items():
        assert f"--{name.replace('_', '-')}" in shown
        assert f"{field.metadata['help']} [{field.metadata['unit']}]" in shown
    assert "rank of an update (type: int, default: 8)" in shown


@pytest.mark.parametrize("name", ["finetune", "evaluate", "predict"])
def test_help_of_every_number_has_its_unit_and_of_every_option_its_default(name, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        main([name, "--help"])
    shown = re.split(r"\n  (?=--)", capsys.readouterr().out)[1:]
    texts = {words.split()[0].rstrip(","): " ".join(words.split()) for words in shown}
    assert texts.keys() >= {"--dry-run", "--batch-size", "--output", "--opening"}
    for option_name, text in texts.items():
        assert "default: " in text, option_name
        if re.search(r"type: (\S+\[)?(int|float)", text):
            assert re.search(r"\[[a-z0-9 ,()\[\]]+\]", text.partition(" ")[2].split("(type")[0]), text


def test_words_reach_the_function(called):
    words = "finetune tiny waves.zarr --method lora --method.rank 3 --steps 7 --core_rate 1e-3 --output out --samples 2"
    assert main(words.split()) == 0
    assert (called.name, called.model, called.data) == ("finetune", "tiny", "waves.zarr")
    assert called.choices["method"]["name"] == "lora"
    assert called.choices["method"]["rank"] == 3
    assert (called.choices["steps"], called.choices["core_rate"]) == (7, 1e-3)
    assert (called.choices["output"], called.choices["samples"]) == ("out", 2)
    assert "batch_size" not in called.choices  # it was not said: left to the advice of the checkpoint


def test_what_is_said_counts_also_where_it_is_the_default(called, tmp_path):
    assert main(["finetune", "m", "d", "--output", "o", "--core_rate=5e-5", "--optimiser", "adamw"]) == 0
    assert {name: called.choices.get(name) for name in FIELDS} == {
        **dict.fromkeys(FIELDS), "core_rate": 5e-5, "optimiser": "adamw",
    }  # fmt: skip
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump({"model": "m", "data": "d", "output": "o", **to_dict(Recipe())}))
    assert main(["finetune", str(recipe)]) == 0
    assert {name: called.choices.get(name, "left out") for name in FIELDS} == to_dict(Recipe())


def test_a_recipe_file_gives_the_defaults_and_the_line_wins(called, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("{model: m, data: d, steps: 9, seed: 4, output: o, method: {name: lora, rank: 2, alpha: 3}}")
    assert main(["finetune", str(recipe), "--seed", "5", "--method.rank", "6"]) == 0
    choices = called.choices
    assert (called.model, choices["steps"], choices["seed"]) == ("m", 9, 5)
    assert (choices["method"]["rank"], choices["method"]["alpha"]) == (6, 3)
    assert main(["finetune", str(recipe), "--method", "head"]) == 0
    assert called.choices["method"] == {"name": "head"}


def test_dry_run_plans_and_needs_no_output(called, capsys):
    assert main(["finetune", "m", "d", "--dry-run"]) == 0
    assert called.name == "plan_finetune"
    assert json.loads(capsys.readouterr().out) == {"planned": True}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["m", "d", "--stpes", "3"], "humboldt finetune has no option --stpes; did you mean --steps?"),
        (["m", "d", "--method", "lore"], "fine-tuning methods are .*, got 'lore'; did you mean 'lora'?"),
        (["m", "d", "--method.rank", "3"], "humboldt finetune has no option --method.rank"),
        (["m", "d", "--steps", "x"], "\"steps\": Expected a <class 'int'>. Got value: x"),
        (["m", "d"], "a run writes a folder, got none; add --output"),
        (["--steps", "3"], "a run needs a model and data"),
        (["none.yaml"], "none.yaml does not exist"),
    ],
)
def test_a_bad_line_is_refused_with_the_cure(called, capsys, words, message):
    assert all(part in error_of(capsys, "finetune", *words) for part in message.split(".*"))
    assert not hasattr(called, "name")


def test_an_unknown_key_of_a_recipe_file_names_the_nearest(called, capsys, tmp_path):
    (tmp_path / "r.yaml").write_text("{model: m, data: d, stepz: 3}")
    assert "no key 'stepz'; did you mean steps?" in error_of(capsys, "finetune", str(tmp_path / "r.yaml"))


def test_info_lists_methods_with_their_options(capsys):
    assert main(["info", "methods", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows.keys() == METHODS.keys()
    assert rows["lora"]["options"]["rank"] == 8
    assert all(row["about"] for row in rows.values())
    assert main(["info", "tasks"]) == 0
    assert "forecast" in capsys.readouterr().out
    assert main(["info", "models", "--json"]) == 0
    json.loads(capsys.readouterr().out)


def test_a_configuration_is_found_by_name_or_in_a_file(tmp_path, capsys):
    assert isinstance(configuration("poseidon-t", "pde", lambda: None), PDEConfig)
    (tmp_path / "config.json").write_text('{"config": {"patch": 4}}')
    assert configuration(str(tmp_path / "config.json"), "pde", lambda: None) == {"patch": 4}
    assert "got 'poseidon-x'; did you mean poseidon_" in error_of(
        capsys, "pretrain", "poseidon-x", "d", "--output", "o"
    )


def lists():
    parser = make_parser("x", "")
    option(parser.add_argument, "seeds", list[int], [7], "seeds")
    option(parser.add_argument, "methods", list[str], ["lora"], "methods")
    option(parser.add_argument, "leads", list[float] | None, None, "leads")
    option(parser.add_argument, "snapshots", int | list[float] | None, None, "one number or several")
    option(parser.add_argument, "whole", tuple[str, ...], ("head",), "parts")
    option(parser.add_argument, "name", str, "", "no list")
    return parser


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        ("--seeds 0", "seeds", [0]),
        ("--seeds 0,1,2", "seeds", [0, 1, 2]),
        ("--seeds=3,4", "seeds", [3, 4]),
        ("--seeds [5,6]", "seeds", [5, 6]),
        ("--methods lora,hydra", "methods", ["lora", "hydra"]),
        ("--methods lora,hydra:rank=4,scale=2.0,nlt", "methods", ["lora", "hydra:rank=4,scale=2.0", "nlt"]),
        ("--methods 1,2", "methods", ["1", "2"]),
        ("--leads 2,.5", "leads", [2.0, 0.5]),
        ("--leads null", "leads", None),
        ("--snapshots 1,2.5", "snapshots", [1.0, 2.5]),
        ("--snapshots 5", "snapshots", 5),
        ("--whole embed,head", "whole", ("embed", "head")),
        ("--name a,b", "name", "a,b"),
    ],
)
def test_a_list_is_written_with_commas(words, name, value):
    assert parse(lists(), words.split())[name] == value


def test_the_help_says_how_a_list_is_written_and_a_wrong_element_is_refused(capsys):
    with pytest.raises(SystemExit):
        lists().parse_args(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "seeds; one or more with commas, or '[...]'" in shown
    assert "no list; one" not in shown
    with pytest.raises(UsageError, match="see humboldt x --help"):
        parse(lists(), ["--seeds", "one,two"])
