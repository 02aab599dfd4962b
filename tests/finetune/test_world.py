"""Several processes, one run: the same samples, the same weights, whoever launched them."""

import dataclasses
import logging
import os
import signal
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from humboldt.domains.pde import build
from humboldt.finetune import EXIT, METHODS, Interrupted, Recipe, World, fit, world
from humboldt.finetune.sampler import Batches
from humboldt.finetune.world import first_host, shared_out
from humboldt.foundations import ConfigError
from tests.finetune.notes import noted_data, small
from tests.finetune.processes import as_srun, as_torchrun, together
from tests.finetune.tiny import Waves, tiny_model

RECIPE = Recipe(steps=8, batch_size=4, core_rate=1e-3, validate_every=3, save_every=3)


def test_a_process_alone_is_the_whole_world():
    assert world({"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4"}) == World()  # a batch script that did not call srun


@pytest.mark.parametrize("launcher", [as_torchrun, as_srun])
def test_the_launchers_say_the_same(launcher):
    found = world(launcher(1, 4, 29501))
    assert (found.rank, found.size, found.local_rank, found.local_size, found.port) == (1, 4, 1, 4, 29501)
    assert not found.leads


def test_steps_of_several_machines():
    env = as_srun(3, 4, 1) | {"SLURM_STEP_TASKS_PER_NODE": "2(x2)", "SLURM_STEP_NODELIST": "node[007-008]"}
    assert (world(env).local_size, world(env).address) == (2, "node007")
    with pytest.raises(ConfigError, match=r"got SLURM_STEP_TASKS_PER_NODE=3,1; ask for --ntasks-per-node"):
        world(env | {"SLURM_STEP_TASKS_PER_NODE": "3,1"})


@pytest.mark.parametrize(
    ("hosts", "first"),
    [("a", "a"), ("a,b", "a"), ("n[12-14,20]", "n12"), ("jwb[0097,0100]", "jwb0097"), ("a-b.c", "a-b.c")],
)
def test_the_first_host(hosts, first):
    assert first_host(hosts) == first


def test_a_batch_is_shared_out_evenly():
    parts = [shared_out([5, 6, 7, 8], World(rank=rank, size=2)) for rank in range(2)]
    assert parts == [[5, 7], [6, 8]]
    with pytest.raises(ConfigError, match="got 5 samples for 2 processes; choose batch_size 4, or a number"):
        Batches(Waves(), 5, 3, 0, world=World(size=2))


@pytest.mark.parametrize("size", [1, 2, 4])
def test_any_number_of_processes_sees_the_same_samples(size):
    parts = [Batches(Waves(), 4, 5, 0, world=World(rank=rank, size=size)) for rank in range(size)]
    expected = [sorted(Batches(Waves(), 4, 5, 0).order[n][1]) for n in range(5)]
    seen = []
    for n in range(5):
        data = [Waves() for _ in parts]
        for part, own in zip(parts, data, strict=True):
            part.mixture.datasets[0] = own
            part[n]
        seen.append(sorted(index for own in data for index in own.seen))
    assert seen == expected


class Ending(Waves):
    """Waves during whose reading a signal comes to the process of one rank."""

    def __init__(self, at: int, rank: int, number: int) -> None:
        super().__init__()
        self.at, self.rank, self.number = at, rank, number

    def batch(self, indices):
        if self.read == self.at and world().rank == self.rank:
            os.kill(os.getpid(), self.number)
        return super().batch(indices)


def run(folder: Path, at: int = -1, number: int = signal.SIGUSR1, exact: bool = False) -> None:
    torch.set_num_threads(1)
    model, recipe = tiny_model(0.2), RECIPE
    if exact:
        state, recipe = model.state_dict(), RECIPE.replace(precision="64-true")
        model = build(dataclasses.replace(tiny_model(0.0).config, loss_over="sample"))
        model.load_state_dict(state)
    try:
        fit(model, Ending(at, 1, number), Waves(6, 1), recipe, folder=folder, progress=False)
    except Interrupted:
        sys.exit(EXIT)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def same(first: Path, second: Path) -> bool:
    ours, theirs = weights(first), weights(second)
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.integration
def test_two_processes_end_the_same_however_they_were_launched_and_stopped(tmp_path):
    """The signal comes to the second process alone, and both save and stop; a killed process is another case."""
    assert together(2, run, tmp_path / "whole") == [0, 0]
    assert together(2, run, tmp_path / "srun", launcher=as_srun) == [0, 0]
    assert same(tmp_path / "whole", tmp_path / "srun")
    assert together(2, run, tmp_path / "told", 5) == [EXIT, EXIT]
    assert not (tmp_path / "told" / "config.json").exists()
    assert together(2, run, tmp_path / "told") == [0, 0]
    assert same(tmp_path / "whole", tmp_path / "told")
    codes = together(2, run, tmp_path / "killed", 5, signal.SIGKILL)
    assert codes[1] == -signal.SIGKILL
    assert together(2, run, tmp_path / "killed") == [0, 0]
    assert same(tmp_path / "whole", tmp_path / "killed")


def run_twice(folder: Path) -> None:
    """The first process takes its time to say good-bye."""
    good_bye = torch.distributed.destroy_process_group

    def slowly() -> None:
        time.sleep(1.0 if world().rank == 0 else 0.0)
        good_bye()

    torch.distributed.destroy_process_group = slowly  # type: ignore[assignment]
    for name in ("first", "second"):
        run(folder / name)


@pytest.mark.integration
def test_a_second_run_does_not_meet_the_store_of_the_first(tmp_path):
    assert together(2, run_twice, tmp_path) == [0, 0]
    assert same(tmp_path / "first", tmp_path / "second")


def run_methods(folder: Path, names: list[str]) -> None:
    torch.set_num_threads(1)
    for name in names:
        recipe, model = Recipe(steps=2, batch_size=4, log_every=2), tiny_model()
        fit(model, noted_data(name, Waves()), None, recipe, small(name, model), folder / name, progress=False)


@pytest.mark.integration
@pytest.mark.parametrize("part", range(4))
def test_every_method_runs_in_two_processes(part, tmp_path):
    """Those too whose parts are not all used in a step, or not alike in both."""
    names = sorted(name for name, kind in METHODS.items() if kind.gradients)[part::4]
    assert together(2, run_methods, tmp_path, names) == [0, 0]
    assert all((tmp_path / name / "model.safetensors").is_file() for name in names)


@pytest.mark.integration
def test_one_two_and_four_processes_learn_the_same(tmp_path, caplog):
    """In float64, with a loss by sample and without chance in the network, weights differ by rounding.

    A run goes on with another number of processes.
    """
    run(tmp_path / "one", exact=True)
    for size in (2, 4):
        assert together(size, run, tmp_path / str(size), -1, 0, True) == [0] * size
        for key, value in weights(tmp_path / "one").items():
            torch.testing.assert_close(weights(tmp_path / str(size))[key], value, rtol=1e-5, atol=1e-7)
    assert together(2, run, tmp_path / "changed", 5, signal.SIGUSR1, True) == [EXIT, EXIT]
    with caplog.at_level(logging.WARNING):
        run(tmp_path / "changed", exact=True)
    assert "begun by 2 processes and goes on with 1" in caplog.text
    for key, value in weights(tmp_path / "one").items():
        torch.testing.assert_close(weights(tmp_path / "changed")[key], value, rtol=1e-5, atol=1e-7)
