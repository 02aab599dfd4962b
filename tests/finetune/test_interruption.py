"""A signal leads to a complete save; the run goes on to the same weights."""

import dataclasses
import os
import signal

import pytest
import torch

from humboldt.finetune import Interrupted, Recipe, fit, method
from humboldt.finetune.interruption import SIGNALS, listening
from tests.finetune.tiny import Waves, tiny_model

RECIPE = Recipe(steps=6, batch_size=4, accumulate=2, average=0.8, core_rate=1e-3, validate_every=2, save_every=100)


class Told(Waves):
    """Waves during whose reading a signal comes."""

    def __init__(self, at: int, number: signal.Signals) -> None:
        super().__init__()
        self.at, self.number = at, number

    def batch(self, indices):
        found = super().batch(indices)
        if self.read == self.at:
            os.kill(os.getpid(), self.number)
        return found


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
