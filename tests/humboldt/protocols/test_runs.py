"""Whole protocols on a small model: which records come out, and that they are not made twice."""

import dataclasses
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from humboldt.cli import main
from humboldt.foundations import SampleScores
from humboldt.leaderboard import find_smells
from humboldt.pairing import paired
from humboldt.protocols.robustness import drops
from humboldt.results import read_results, write_results
from tests.humboldt.leaderboard.made import PLAIN


@pytest.fixture(scope="module")
def waves(tmp_path_factory):
    """Twelve trajectories of a wave that travels round and fades, in a file."""
    x = np.linspace(0, 2 * np.pi, 17)[:-1]
    times = np.arange(4) * 0.1
    rows = []
    for sample in range(12):
        phase = x[None, :, None] - 2 * times[:, None, None] + 0.5 * sample
        wave = np.exp(-times)[:, None, None] * np.sin(phase + np.cos(x)[None, None, :])
        rows.append(np.stack([wave, 0.5 * np.roll(wave, 3, 2)], 1))
    data = xr.Dataset(
        {"velocity": (("sample", "time", "component", "x", "y"), np.stack(rows).astype(np.float32))},
        {"time": times, "x": x, "y": x},
        {"periodic": ["x", "y"]},
    )
    path = tmp_path_factory.mktemp("data") / "waves.nc"
    data.to_netcdf(path)
    return str(path)


OPENING = "{periodic: true, split: {train: 8, validation: 1, test: 3}}"


def command(*words, folder, data):
    places = ["humboldt/pde-nano", data, "--opening", OPENING, "--output", str(folder)]
    return main(["protocol", words[0], *places, *words[1:]])


@pytest.mark.integration
def test_robustness_begins_clean_and_has_its_control(waves, tmp_path, capsys):
    choices = ("--corruptions", "[noise, dropped]", "--severities", "[1, 5]", "--lead-steps", "[1]")
    assert command("robustness", *choices, folder=tmp_path, data=waves) == 0
    found = read_results(tmp_path / "results.jsonl")
    assert len(found) == 2 * (1 + 4)
    clean = {r.control: r.value for r in found if r.settings["corruption"] == "clean"}
    noisy = {(r.settings["severity"]): r.value for r in found if r.settings["corruption"] == "noise" and not r.control}
    assert max(clean[False], noisy[1]) < noisy[5]
    assert all(r.scores is not None and r.scores.samples == ("9", "10", "11") for r in found)
    clean_one, noisy_one = (next(r for r in found if r.settings["severity"] == s) for s in (0, 5))
    assert paired(noisy_one, clean_one).difference > 0
    assert set(drops(found)) == {"noise", "dropped", "mean"}
    assert all(r.settings["opening"]["periodic"] is True for r in found)
    assert "noise" in capsys.readouterr().out
    assert {s.kind for s in find_smells(found)} <= {"missing provenance"}  # the code of a test is in no commit


@pytest.mark.integration
def test_few_shot_trains_each_episode_once(waves, tmp_path, caplog, capsys):
    sizes = ("--sizes", "[2, 100]", "--count", "2", "--steps", "2", "--lead-steps", "[1]")
    choices = ("few-shot", "--methods", "[head]", *sizes)
    assert command(*choices, folder=tmp_path, data=waves) == 0
    assert "episodes of [100] are left out: the training part has 8 units" in caplog.text
    first = read_results(tmp_path / "results.jsonl")
    assert [(r.method, r.control, r.samples) for r in first] == [("head", False, 2), ("full", True, 2)] * 2
    assert len({r.settings["episode"] for r in first}) == 2
    assert command(*choices, folder=tmp_path, data=waves) == 0
    assert read_results(tmp_path / "results.jsonl") == first
    assert (
        command(*choices, "--batch-size", "3", folder=tmp_path, data=waves) == 0
    )  # another recipe is another training
    assert len(read_results(tmp_path / "results.jsonl")) == 2 * len(first)
    otherwise = ("--opening", OPENING.replace("true", "false"))  # the last one counts
    assert command(*choices, *otherwise, folder=tmp_path, data=waves) == 0
    periodic = [r.settings["opening"]["periodic"] for r in read_results(tmp_path / "results.jsonl")]
    assert periodic == [True] * 8 + [False] * 4  # the same file, read otherwise, is another training
    assert command("few-shot", "--methods", "[full, hydra:rnk=2]", *sizes, folder=tmp_path / "n", data=waves) == 2
    assert "did you mean 'rank'?" in caplog.text + capsys.readouterr().err
    assert not (tmp_path / "n").exists()  # the words are looked at before the first training


@pytest.mark.integration
def test_sequences_nuisances_and_the_frozen_track_write_records(waves, tmp_path):
    assert command("continual", "--then", f"[{waves}x.nc]", "--steps", "1", folder=tmp_path, data=waves) == 2  # no file
    other = waves.replace("waves.nc", "other.nc")
    xr.load_dataset(waves).isel(sample=slice(None, None, -1)).to_netcdf(other)
    steps = ("--steps", "1", "--lead-steps", "[1]")
    one_adapter = ("continual", "--then", f"[{other}]", "--method", "lae")
    assert command(*one_adapter, *steps, folder=tmp_path, data=waves) == 0
    assert command("nuisance", "--seen", "2", "--unseen", "2", *steps, folder=tmp_path, data=waves) == 0
    assert command("frozen", folder=tmp_path, data=waves) == 0
    found = read_results(tmp_path / "results.jsonl")
    assert [r.protocol for r in found] == ["continual"] * 6 + ["nuisance"] * 12 + ["frozen"] * 4
    assert sum(r.control for r in found) == 3 + 6 + 2
    assert np.array(found[0].settings["errors"]).shape == (3, 2)
    assert all(dataclasses.asdict(r)["split_sha256"] for r in found)


def test_scaling_fits_every_model_by_itself_and_names_what_has_too_few_sizes(tmp_path, capsys):
    def rows(model, sizes, factor):
        return [replace(PLAIN, model=model, samples=n, value=factor * (0.1 + n**-0.5)) for n in sizes]

    path = tmp_path / "results.jsonl"
    write_results(path, [*rows("a", (4, 16, 64, 256), 1), *rows("b", (4, 16, 64, 256), 3), *rows("c", (4, 16), 1)])
    assert main(["protocol", "scaling", str(path)]) == 0
    said = capsys.readouterr()
    assert "E 0.1 " in said.out
    assert "E 0.3 " in said.out
    assert "MISALIGNED" not in said.out
    assert "c / burgers.nc / relative L1 / lora: a scaling law takes 4 different sizes or more, got 2" in said.err
    kept = [
        replace(r, value=0.5, scores=SampleScores.of("log loss", "ab", {"x": [r.value, 3 * r.value]}))
        for r in rows("a", (4, 16, 64, 256), 1)
    ]
    write_results(path, kept)
    assert main(["protocol", "scaling", str(path)]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "mean log loss" in line]
    assert "E 0.2 " in line  # a rank that says 0.5 whatever comes hides it
    write_results(path, rows("c", (4, 16), 1))
    assert main(["protocol", "scaling", str(path)]) == 2
    write_results(path, [replace(PLAIN, samples=None)])
    assert main(["protocol", "scaling", str(path)]) == 2
    assert "no record of" in capsys.readouterr().err


def test_the_data_of_a_sequence_are_named_once(capsys):
    assert main(["protocol", "continual", "humboldt/pde-nano", "a/waves.nc", "--then", "a/waves.nc"]) == 2
    assert "the data of a sequence differ, got ['a/waves.nc', 'a/waves.nc']" in capsys.readouterr().err


@pytest.mark.integration
def test_the_attributions_of_a_pretrained_model_are_sane(waves, tmp_path, capsys):
    assert command("explain", "--samples", "2", folder=tmp_path, data=waves) == 0
    said = capsys.readouterr().out
    assert "head + core + embed" in said
    assert "the attributions are of the model" in said


def test_a_protocol_that_there_is_not_names_the_nearest(capsys):
    assert main(["protocol", "robustnes", "m", "d"]) == 2
    assert "did you mean robustness?" in capsys.readouterr().err
