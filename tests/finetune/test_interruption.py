"""A signal leads to a complete save; the run goes on to the same weights."""

import dataclasses
import multiprocessing
import os
import signal
import time

import pytest
import torch
from safetensors.torch import load_file

from humboldt.finetune import EXIT, Interrupted, Recipe, fit, method
from humboldt.finetune.interruption import SIGNALS, Signals, listening
from humboldt.finetune.sampler import Passes
from tests.finetune.tiny import Told, Waves, tiny_model

RECIPE = Recipe(steps=6, batch_size=4, accumulate=2, average=0.8, core_rate=1e-3, validate_every=2, save_every=100)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_run_that_is_told_to_stop_goes_on_to_the_same_weights(tmp_path, number):
    whole = fit(tiny_model(0.2), Waves(), Waves(6, 1), RECIPE, folder=tmp_path / "whole")
    with pytest.raises(Interrupted, match=f"stopped on {number.name}, saved at step 3; the same command goes on"):
        fit(tiny_model(0.2), Told(6, number), Waves(6, 1), RECIPE, folder=tmp_path / "cut")
    rest = Waves()
    resumed = fit(tiny_model(0.2), rest, Waves(6, 1), RECIPE, folder=tmp_path / "cut")
    assert rest.read == 12 - 6
    assert all(
        torch.equal(a, b) for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    )
    logs = [(tmp_path / name / "log.csv").read_text().splitlines() for name in ("whole", "cut")]
    without_seconds = [[line.split(",")[::2] + line.split(",")[3:] for line in log] for log in logs]
    assert without_seconds[0] == without_seconds[1]


def test_a_run_without_a_folder_stops_and_says_that_nothing_is_kept():
    with pytest.raises(Interrupted, match="stopped on SIGTERM, nothing was done that is lost"):
        fit(tiny_model(), Told(1, signal.SIGTERM), recipe=RECIPE)
    with pytest.raises(Interrupted, match=r"keeps no checkpoint .*, its 3 steps are lost, and the same command begins"):
        fit(tiny_model(), Told(6, signal.SIGTERM), recipe=RECIPE)


def test_handlers_are_put_back():
    def own(*_):
        pass

    before = signal.signal(signal.SIGUSR2, own)
    try:
        fit(tiny_model(), Waves(), recipe=dataclasses.replace(RECIPE, steps=2, average=None), method=method("head"))
        assert signal.getsignal(signal.SIGUSR2) is own
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_children_do_not_act_on_signals():
    with listening() as signals:
        child = os.fork()
        if child == 0:
            os.kill(os.getpid(), signal.SIGUSR1)
            os._exit(7 if signals.received is None else 8)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        child = os.fork()
        if child == 0:
            os.kill(os.getpid(), signal.SIGTERM)
            os._exit(9)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 128 + signal.SIGTERM
        assert signals.received is None
        os.kill(os.getpid(), signal.SIGUSR1)
        assert signals.received is signal.SIGUSR1


def test_a_process_that_reads_batches_holds_signals_from_its_first_moment_on(tmp_path, monkeypatch):
    """Not only once it begins to pass over them."""

    def look(worker):
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        (tmp_path / "blocked").write_text(" ".join(s.name for s in SIGNALS if s in blocked))

    monkeypatch.setattr("humboldt.finetune.sampler.deaf", look)
    assert len(list(Passes(Waves(), 5, workers=1))) > 1
    assert (tmp_path / "blocked").read_text().split() == [s.name for s in SIGNALS]
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, []) & set(SIGNALS)  # and this process hears them again


class Marking(Waves):
    """Waves that take a while to read, and leave the id of the process that reads them."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def batch(self, indices):
        time.sleep(0.05)
        (self.folder / f"read by {os.getpid()}").touch()
        return super().batch(indices)


WITH_WORKERS = Recipe(steps=24, batch_size=4, core_rate=1e-3, save_every=100, log_every=1, workers=2)


def run_with_workers(folder):
    """In a group of its own; whoever runs our handler leaves its id."""
    os.setsid()
    torch.set_num_threads(1)
    note = Signals._note

    def marked(self, number, frame):
        (folder / f"noted by {os.getpid()}").touch()
        note(self, number, frame)

    Signals._note = marked  # type: ignore[method-assign]
    try:
        fit(tiny_model(0.2), Marking(folder), None, WITH_WORKERS, folder=folder / "run", progress=False)
    except Interrupted:
        os._exit(EXIT)
    os._exit(0)


def ids(folder, mark):
    return {int(path.name.split()[-1]) for path in folder.glob(f"{mark} by *")}


@pytest.mark.integration
@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM])
def test_of_all_processes_that_get_a_signal_the_one_that_trains_acts_on_it(tmp_path, number):
    """As a batch system sends it: to the workers as well, which are left reading."""
    context = multiprocessing.get_context("fork")
    child = context.Process(target=run_with_workers, args=(tmp_path,))
    child.start()
    log, end = tmp_path / "run" / "log.csv", time.monotonic() + 120
    while not (log.is_file() and len(log.read_text().splitlines()) > 3):
        assert child.is_alive()
        assert time.monotonic() < end
        time.sleep(0.01)
    os.killpg(child.pid, number)
    child.join(120)
    assert child.exitcode == EXIT
    workers = ids(tmp_path, "read")
    assert len(workers) == 2
    assert child.pid not in workers
    assert ids(tmp_path, "noted") == {child.pid}
    again = context.Process(target=run_with_workers, args=(tmp_path,))
    again.start()
    again.join(120)
    assert again.exitcode == 0
    whole = fit(tiny_model(0.2), Waves(), None, WITH_WORKERS.replace(workers=0)).state_dict()
    resumed = load_file(tmp_path / "run" / "model.safetensors")
    assert all(torch.equal(value, resumed[key]) for key, value in whole.items())
