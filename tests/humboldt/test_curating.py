"""What is worth training on: planted faults are found in every science, and the list is used on its own data alone."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

import humboldt
from humboldt.cli import main
from humboldt.curating import curate, deviations, novelty
from humboldt.domains.weather import open_weather
from humboldt.foundations import ConfigError
from humboldt.manifest import read_manifest
from tests.domains.pde.decay import decay_model, decay_trajectories
from tests.domains.weather.analyses_on_disk import analyses
from tests.humboldt.test_adapting import Trajectories

STILL, COPY, LARGE, HOLES = 2, 5, 7, 9
SPLIT = {"train": 16, "validation": 2, "test": 4}


@pytest.fixture(scope="module")
def trajectories():
    """Twenty-two waves of random size and place, of which four have a fault each."""
    chance, place = np.random.default_rng(3), np.arange(16) / 16
    data = decay_trajectories(samples=22, frames=5)
    for variable in data.data_vars.values():
        shift = chance.integers(16, size=(22, 2))
        waves = [np.roll(np.cos(2 * np.pi * place)[:, None] + np.sin(4 * np.pi * place), s, (0, 1)) for s in shift]
        size = chance.uniform(0.8, 1.2, size=(22, 1, 1, 1)) * np.exp(-0.5 * np.arange(5))[None, :, None, None]
        values = (size * np.stack(waves)[:, None]).astype(np.float32)
        values[STILL] = values[STILL, :1]
        values[COPY] = values[1]
        values[LARGE] *= 30
        values[HOLES, :, :8] = np.nan
        variable.values[:] = values
    return data


@pytest.fixture(scope="module")
def data(trajectories):
    return humboldt.open(trajectories, split=SPLIT, missing="mask")


@pytest.fixture(scope="module")
def found(data):
    return curate(data)


def test_each_planted_fault_is_found_by_its_score_and_nothing_else_is_dropped(found):
    assert set(range(16)) - set(found.kept) == {STILL, COPY, LARGE, HOLES}
    assert found.dropped() == {"missing": 1, "change": 1, "novelty": 1, "outlier": 1}
    assert found.scores["missing"][HOLES] == pytest.approx(0.25)  # half of the states; targets are filled where known
    assert found.scores["change"][STILL] == 0
    assert found.scores["novelty"][COPY] == 0
    assert found.scores["novelty"][0] is None
    assert repr(found).startswith("<12 of 16 units of ")


def test_novelty_is_the_distance_in_deviations():
    chance = torch.Generator().manual_seed(0)
    rows = torch.randn(3, 400, generator=chance, dtype=torch.double)
    found = novelty(torch.stack([rows[0], rows[0] + 0.1, rows[1], rows[0]]))
    assert found[0].isnan()
    assert found[1:].tolist() == pytest.approx([0.1, 2**0.5, 0], abs=0.1)
    np.testing.assert_allclose(deviations(np.array([1.0, 2, 3, np.nan])), np.array([-1, 0, 1, np.nan]) / 1.4826)
    assert deviations(np.array([5.0, 5, 5])).tolist() == [0, 0, 0]


def test_a_list_is_read_back_and_selects_again_without_the_data(found, tmp_path):
    again = read_manifest(found.save(tmp_path / "deep" / "kept.yaml"))
    assert again == found
    assert found.select().kept == tuple(range(16))
    assert found.select(change=(0.01, None)).kept == tuple(u for u in range(16) if u != STILL)
    control = read_manifest(found.control(seed=4).save(tmp_path / "control.yaml"))
    assert len(control.kept) == len(found.kept) == len(set(control.kept))
    assert control.kept != found.control(seed=5).kept
    assert control.drawn == 4
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["kept.yaml"]


def test_a_list_chooses_the_training_part_and_only_that(trajectories, data, found, tmp_path):
    path = found.save(tmp_path / "kept.yaml")
    chosen = humboldt.open(trajectories, split=SPLIT, missing="mask", curated=path)
    assert chosen.split("train").samples == found.kept
    assert chosen.split("test").samples == data.split("test").samples
    same = humboldt.open(trajectories, split=SPLIT, missing="mask", curated=found)
    assert same.split("train").fingerprint == chosen.split("train").fingerprint != data.split("train").fingerprint


def test_a_list_of_other_data_is_refused_at_the_door(trajectories, found, tmp_path):
    path = found.save(tmp_path / "kept.yaml")
    for choices in ({"split": {**SPLIT, "train": 14}}, {"split": SPLIT, "pairs": "vanilla"}):
        with pytest.raises(ConfigError, match=r"belongs to the data that were scored, .* got a training part with .*;"):
            humboldt.open(trajectories, curated=path, missing="mask", **choices)
    changed = trajectories.copy(deep=True)
    changed["tracer"][0] += 1
    with pytest.raises(ConfigError, match="belongs to the data that were scored"):
        humboldt.open(changed, split=SPLIT, missing="mask", curated=path)


def test_finetune_learns_from_the_list(trajectories, tmp_path):
    trajectories.isel(sample=[s for s in range(22) if s != HOLES]).to_netcdf(tmp_path / "waves.nc")
    opening = {"split": {"train": 15, "test": 6}}
    whole = humboldt.open(tmp_path / "waves.nc", **opening)
    path = curate(whole).save(tmp_path / "kept.yaml")
    tuned = humboldt.finetune(
        "humboldt/pde-nano", tmp_path / "waves.nc", method="head", steps=1, batch_size=2, progress=False,
        opening={**opening, "curated": str(path)},
    )  # fmt: skip
    said = tuned.provenance["data"]["train"]
    assert said["fingerprint"] == whole.split("train").choose(read_manifest(path).kept).fingerprint
    assert tuned.provenance["recipe"]["opening"]["curated"] == str(path)


def test_scores_of_ones_own_stand_beside_the_others(data):
    model = decay_model(factor=1.5)

    def wrong(batch):
        return (model(batch).fields - batch.target).abs().flatten(1).nanmean(1)

    found = curate(data, scores={"wrong": wrong}, thresholds={"wrong": (None, 2.0)}, looks=4)
    assert set(found.scores) == {"missing", "change", "novelty", "outlier", "wrong"}
    assert set(range(16)) - set(found.kept) == {LARGE}
    assert found.dropped() == {"wrong": 1}
    with pytest.raises(ConfigError, match=r"for each of \d+ samples of a batch, got the shape \(\) from 'odd'"):
        curate(data, scores={"odd": lambda batch: 1.0})
    with pytest.raises(ConfigError, match="a score of your own has a name of its own, got 'change'; call it otherwise"):
        curate(data, scores={"change": wrong})


def test_bad_thresholds_and_lists_say_what_is_wrong(data, found, tmp_path):
    with pytest.raises(ConfigError, match="thresholds are of missing, change, novelty, outlier, got 'motion'"):
        curate(data, thresholds={"motion": (0, 1)})
    with pytest.raises(ConfigError, match=r"smallest and a largest value, got 0.1 for change; such as \[0.01, null\]"):
        curate(data, thresholds={"change": 0.1})
    with pytest.raises(ConfigError, match="smallest value of a threshold lies below the largest, got"):
        curate(data, thresholds={"change": (2, 1)})
    with pytest.raises(ConfigError, match="a list keeps a unit or more, got none of 16; widen"):
        found.select(change=(1e6, None))
    with pytest.raises(ConfigError, match="a unit is looked at once or more, got looks=0"):
        curate(data, looks=0)
    with pytest.raises(ConfigError, match="which Trajectories cannot; give it `units`"):
        curate(Trajectories())
    path = found.save(tmp_path / "kept.yaml")
    text = path.read_text()
    for old, new, said in (
        ("kept: [0, ", "kept: [", "kept units are those within the thresholds"),
        ("units: 16", "units: 17", "a value for each of 17 units"),
        ("drawn: null", "dawn: null", "no key 'dawn'; did you mean 'drawn'"),
        (text, "- 1", "is a mapping, got list"),
        (text, "a: [", "is no list of kept samples"),
    ):
        assert old in text
        path.write_text(text.replace(old, new))
        with pytest.raises(ConfigError, match=r"kept\.yaml is no list of kept samples") as caught:
            read_manifest(path)
        assert said in str(caught.value)


def test_states_of_the_atmosphere_are_curated():
    states = analyses(frames=24, rows=8, columns=16)
    name = next(iter(states.data_vars))
    states[name][9:11] = states[name][9]
    data = open_weather(states, lead_times=[6])
    found = curate(data)
    assert found.units == data.split("train").units
    assert {"missing", "change", "novelty", "outlier"} == set(found.scores)
    part = found.of(data.split("train"))
    assert len(part) == len(found.kept)


def test_molecules_that_stand_twice_are_kept_once():
    frame = ["CCO", "CCN", "CCO", "CCCC", "CC(C)C", "CCN", "CCF", "CCCl"]
    data = humboldt.open(frame, domain="graphs", split={"train": 6, "test": 2})
    found = curate(data)
    train = data.split("train")
    seen, expected = set(), []
    for unit, place in enumerate(train.places):
        if frame[train.rows[place]] not in seen:
            expected.append(unit)
        seen.add(frame[train.rows[place]])
    assert len(expected) < train.units
    assert found.kept == tuple(expected)


@dataclass(frozen=True)
class Rows:
    """A batch without fields, with targets."""

    target: torch.Tensor

    def __len__(self):
        return len(self.target)


class Table:
    """Six units with a property, of which one is far off and one is not known."""

    values = torch.tensor([[1.0], [1.1], [0.9], [50.0], [torch.nan], [1.05]])
    units, source = 6, "table"
    fingerprint = "f"

    def __init__(self, chosen=range(6)):
        self.chosen = list(chosen)

    def __len__(self):
        return len(self.chosen)

    def split(self, name):
        return self

    def choose(self, units):
        return Table([self.chosen[u] for u in units])

    def batch(self, indices):
        return Rows(self.values[[self.chosen[i] for i in indices]])

    def describe(self):
        return {"source": "table"}


def test_properties_far_off_and_not_known_are_dropped():
    found = curate(Table())
    assert found.kept == (0, 1, 2, 5)
    assert found.dropped() == {"missing": 1, "novelty": 0, "outlier": 1}


def test_the_command_writes_the_list_and_a_dry_run_nothing(trajectories, tmp_path, capsys):
    trajectories.to_netcdf(tmp_path / "waves.nc")
    words = ["curate", str(tmp_path / "waves.nc"), "--opening", f"{{missing: mask, split: {SPLIT}}}".replace("'", "")]
    assert main([*words, "--dry-run"]) == 0
    assert "16 units of the training part (240 samples); at most 16 samples of each" in capsys.readouterr().out
    assert main(words) == 2
    assert "a list of kept samples goes to a file, got none; add --output kept.yaml" in capsys.readouterr().err
    path = tmp_path / "kept.yaml"
    assert main([*words, "--output", str(path), "--thresholds", "{change: [0.01, null]}"]) == 0
    said = capsys.readouterr().out
    assert "15 of 16 units are kept" in said
    (line,) = [line.split() for line in said.splitlines() if line.split()[:1] == ["change"]]
    assert line[-3:] == ["0.01", "-", "1"]
    assert read_manifest(path).dropped() == {"change": 1}
