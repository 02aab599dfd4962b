"""A run whose processes hold only their rows of every parameter ends like one that holds them whole."""

import dataclasses
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from humboldt.domains.pde import build
from humboldt.finetune import EXIT, Interrupted, Recipe, RunFolderError, World, fit, method, world
from humboldt.finetune.latest import put, scratch
from humboldt.finetune.strategy import Direct, by_rows, require_kind, require_rows
from humboldt.foundations import ConfigError, Model, ScaleConfig
from tests.finetune.processes import together
from tests.finetune.tiny import Waves, tiny_model

RECIPE = Recipe(steps=3, batch_size=4, core_rate=1e-3, validate_every=2, save_every=2, precision="64-true")
BY_ROWS = RECIPE.replace(strategy="fsdp")


def model() -> Model:
    """One block, with a loss by sample, which does not depend on how a batch is shared out."""
    config = tiny_model().config
    scale = ScaleConfig(width=8, down=config.core.scales[0].down)
    core = dataclasses.replace(config.core, scales=(scale,))
    torch.manual_seed(0)
    return build(dataclasses.replace(config, core=core, loss_over="sample"))


class Ending(Waves):
    """Waves during whose reading a signal comes to one process."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def batch(self, indices):
        if self.read == self.at and world().rank == 1:
            os.kill(os.getpid(), signal.SIGUSR1)
        return super().batch(indices)


def run(folder: Path, at: int = -1, name: str = "full", recipe: Recipe = BY_ROWS, validation: int = 9) -> None:
    torch.set_num_threads(1)
    try:
        fit(model(), Ending(at), Waves(validation, 1), recipe, method(name), folder, progress=False)
    except Interrupted:
        sys.exit(EXIT)


def same(ours: Path, theirs: Path, tolerance: float = 1e-7) -> None:
    found, expected = (load_file(folder / "model.safetensors") for folder in (ours, theirs))
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, rtol=1e-5, atol=tolerance)


def test_a_checkpoint_takes_the_place_of_the_one_before(tmp_path):
    newest = tmp_path / "last.ckpt"
    for step in (1, 2):
        made = scratch(newest, step)
        made.mkdir()
        (made / "rows").write_text(str(step))
        put(made, newest)
        assert (newest / "rows").read_text() == str(step)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.ckpt", "last.ckpt.step2"]
    (tmp_path / "last.ckpt.step3").mkdir()  # of a process that was killed while it wrote
    made = scratch(newest, 4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.ckpt", "last.ckpt.step2"]
    made.write_text("4")
    put(made, newest)
    assert newest.read_text() == "4"


def test_a_full_disk_is_said_and_the_checkpoint_before_is_kept(tmp_path):
    """A file system of a few pages; what was half written makes room for the next one."""
    state = {"weights": torch.zeros(200_000)}
    if not Path("/dev/full").exists():
        pytest.skip("no device here that is always full")
    (tmp_path / "last.ckpt.step3").symlink_to("/dev/full")
    with pytest.raises(
        RunFolderError,
        match=r"with room for it, but .* refused more than \d+ bytes \(.*one before is unchanged: free some",
    ):
        Direct().save_checkpoint(state, tmp_path / "last.ckpt.step3")
    assert Path("/dev/full").exists()


def test_what_a_full_disk_left_half_written_is_removed(tmp_path, monkeypatch):
    def cut(state, path):
        Path(path).write_bytes(b"half")
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 4 vs 8")

    monkeypatch.setattr(torch, "save", cut)
    with pytest.raises(RunFolderError, match="unexpected pos 4 vs 8"):
        Direct().save_checkpoint({}, tmp_path / "last.ckpt.step3")
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_is_written_where_it_stays_and_nowhere_else(tmp_path, monkeypatch):
    """The system's folder for temporary files, which may be small, is not used on the way."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    fit(tiny_model(), Waves(), None, Recipe(steps=4, batch_size=4, save_every=2), folder=tmp_path / "r", progress=False)
    assert (tmp_path / "r" / "checkpoints" / "last.ckpt").is_file()


def test_what_needs_whole_parameters_is_refused():
    with pytest.raises(ConfigError, match="optimiser is adamw with strategy fsdp, got muon; correct the recipe"):
        Recipe(strategy="fsdp", optimiser="muon")
    with pytest.raises(ConfigError, match=r"average is not given with strategy fsdp, got 0\.9; correct the recipe"):
        Recipe(strategy="fsdp", average=0.9)
    with pytest.raises(ConfigError, match="got 'lora'; take full, head or norms, or strategy: ddp"):
        require_rows(BY_ROWS, method("lora"))
    assert by_rows(BY_ROWS, World(size=2))
    assert not by_rows(BY_ROWS, World())


def test_a_checkpoint_of_rows_needs_several_processes_and_a_whole_one_does_not(tmp_path):
    (tmp_path / "rows").mkdir()
    (tmp_path / "whole").touch()
    require_kind(str(tmp_path / "rows"), BY_ROWS, World(size=4))
    require_kind(str(tmp_path / "whole"), RECIPE, World(size=4))
    with pytest.raises(ConfigError, match=r"written by several processes, .*and 1 processes; start two or more, or"):
        require_kind(str(tmp_path / "rows"), BY_ROWS, World())
    with pytest.raises(ConfigError, match=r"written by one process, .*and 2 processes; start one, or --overwrite"):
        require_kind(str(tmp_path / "whole"), BY_ROWS, World(size=2))


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore:FSDP2-wrapped module .* returned a view tensor:UserWarning")
def test_two_and_four_processes_by_rows_learn_what_one_learns(tmp_path, capfd):
    """Also through a signal, after which another number of processes goes on and says what that changes."""
    run(tmp_path / "one", recipe=RECIPE)
    assert together(2, run, tmp_path / "two", 2) == [EXIT, EXIT]
    parts = sorted((tmp_path / "two" / "checkpoints" / "last.ckpt").glob("*.distcp"))
    sizes = [part.stat().st_size for part in parts]
    assert len(sizes) == 2
    assert min(sizes) > 0.3 * sum(sizes)  # the first also writes what is no parameter
    told = logging.StreamHandler()
    logging.getLogger("humboldt").addHandler(told)
    assert together(4, run, tmp_path / "two") == [0] * 4
    logging.getLogger("humboldt").removeHandler(told)
    assert "begun by 2 processes and goes on with 4: it sees the same samples" in capfd.readouterr().err
    same(tmp_path / "two", tmp_path / "one")
    assert together(2, run, tmp_path / "two") == [0, 0]  # a finished run is read back
    run(tmp_path / "norms one", name="norms", recipe=RECIPE)
    assert together(2, run, tmp_path / "norms two", -1, "norms") == [0, 0]
    same(tmp_path / "norms two", tmp_path / "norms one")
    assert (tmp_path / "norms two" / "adapter.json").is_file()


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore:FSDP2-wrapped module .* returned a view tensor:UserWarning")
@pytest.mark.parametrize(("size", "strategy"), [(2, "ddp"), (4, "fsdp")])
@pytest.mark.parametrize(
    ("changes", "tolerance"),
    [({"accumulate": 2, "recompute": True}, 1e-7), ({"precision": "bf16-mixed"}, 1e-3)],
)
def test_accumulation_recomputation_and_half_precision(tmp_path, changes, tolerance, size, strategy):
    short = RECIPE.replace(**changes)
    run(tmp_path / "one", recipe=short)
    shared = short.replace(strategy=strategy)
    assert together(size, run, tmp_path / "together", -1, "full", shared) == [0] * size
    same(tmp_path / "together", tmp_path / "one", tolerance)


@pytest.mark.integration
def test_a_compiled_core_is_shared_out_as_well(tmp_path, root):
    """From a process of its own: what checks shapes in the other tests cannot be traced.

    Batches of one size are traced once.
    """
    run(tmp_path / "one", recipe=RECIPE, validation=8)
    words = [sys.executable, "-W", "ignore", "-m", "tests.finetune.compiled_run", str(tmp_path)]
    assert subprocess.run(words, cwd=root, check=False).returncode == 0
    for way in ("2-ddp", "2-fsdp"):
        same(tmp_path / way, tmp_path / "one")
