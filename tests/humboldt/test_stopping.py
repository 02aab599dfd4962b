"""Signals to commands that train, also while they do not train yet."""

import os
import signal
from types import SimpleNamespace

import pytest

from humboldt import cli
from humboldt.finetune import EXIT as SAVED
from humboldt.finetune import Interrupted
from humboldt.stopping import EXIT, SIGNALS, stopped_at_once


@pytest.mark.parametrize("number", SIGNALS, ids=lambda n: n.name)
def test_a_signal_before_a_run_begins_ends_it_as_one_that_goes_on(monkeypatch, capsys, number):
    def importing(words):
        os.kill(os.getpid(), number)
        raise AssertionError("went on after the signal")

    monkeypatch.setattr(cli, "_command", lambda name: SimpleNamespace(run=importing))
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as ended:
        cli.main(["finetune"])
    assert ended.value.code == EXIT == SAVED
    assert f"stopped on {number.name} outside of training; the same command begins again" in capsys.readouterr().err
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("name", ["finetune", "pretrain", "compare", "protocol"])
def test_a_run_that_was_saved_ends_with_its_code_and_no_trace(monkeypatch, capsys, name):
    def training(words):
        raise Interrupted("stopped on SIGUSR1, saved; the same command goes on from there")

    monkeypatch.setattr(cli, "_command", lambda _: SimpleNamespace(run=training))
    assert cli.main([name]) == EXIT
    assert capsys.readouterr().err == "humboldt: stopped on SIGUSR1, saved; the same command goes on from there\n"


def test_errors_are_told_as_ever(monkeypatch, capsys):
    def wrong(words):
        raise ValueError("a rule")

    monkeypatch.setattr(cli, "_command", lambda _: SimpleNamespace(run=wrong))
    assert cli.main(["finetune"]) == 2
    assert capsys.readouterr().err == "humboldt: error: a rule\n"


def test_training_takes_signals_over_and_gives_them_back():
    from humboldt.finetune.interruption import SIGNALS as NOTED
    from humboldt.finetune.interruption import listening

    assert NOTED == SIGNALS  # stated on two floors: the lower one may not import the door, which may not import torch
    with stopped_at_once():
        outside = signal.getsignal(signal.SIGUSR1)
        with listening() as signals:
            os.kill(os.getpid(), signal.SIGUSR1)
            assert signals.received == signal.SIGUSR1
        assert signal.getsignal(signal.SIGUSR1) == outside


def test_other_commands_leave_signals_alone(monkeypatch):
    seen = []
    monkeypatch.setattr(
        cli, "_command", lambda _: SimpleNamespace(run=lambda words: seen.append(signal.getsignal(signal.SIGTERM)))
    )
    before = signal.getsignal(signal.SIGTERM)
    assert cli.main(["predict"]) == 0
    assert seen == [before]
