"""No process holds the whole model, and together they do what one does."""

import dataclasses
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from humboldt.domains.pde import build
from humboldt.domains.weather import build as build_weather
from humboldt.domains.weather import prithvi_wxc
from humboldt.finetune import sharding
from humboldt.finetune.world import join, world
from humboldt.foundations import load_strictly, read_config, read_weights
from tests.domains.weather import models as weather
from tests.finetune.processes import together
from tests.finetune.tiny import Waves, tiny_model

FIRST, REST = 2, 2
# blocks return views, which nobody changes in place
VIEWS = pytest.mark.filterwarnings("ignore:FSDP2-wrapped module .* returned a view tensor:UserWarning")


def config():
    return dataclasses.replace(tiny_model().config, loss_over="sample")


def stepped(model, optimiser, steps):
    for step in steps:
        indices = [(4 * step + i) % 12 for i in range(4)]
        own = indices[world().rank :: world().size]
        optimiser.zero_grad()
        model.loss(Waves().batch(own)).backward()
        optimiser.step()


def optimiser_of(model):
    return torch.optim.AdamW(model.parameters(), lr=1e-3, eps=1e-4)


def train(folder: Path, first: int, last: int) -> None:
    """Steps `first` to `last` over sharded processes, from the start weights or from the checkpoint."""
    torch.set_num_threads(1)
    join(world())
    model = sharding.sharded(lambda: build(config()), world())
    assert sharding.rows_held(model) < 1 / world().size + 0.12  # its part, and what small tensors are rounded up to
    sharding.read_rows(model, folder / "start")
    optimiser = optimiser_of(model)
    if first:
        assert sharding.load(model, optimiser, folder / "last") == first
    stepped(model, optimiser, range(first, last))
    sharding.save(model, optimiser, last, folder / "last")


@pytest.mark.integration
@VIEWS
@pytest.mark.parametrize("size", [2, 4])
def test_processes_train_in_shards_what_one_trains_whole(tmp_path, size):
    """Through a checkpoint in the middle, and put together at the end."""
    model = tiny_model()
    model.config = config()
    model.save(tmp_path / "start")
    assert together(size, train, tmp_path, 0, FIRST) == [0] * size
    assert together(size, train, tmp_path, FIRST, FIRST + REST) == [0] * size
    assert len(list(tmp_path.glob("last.step*"))) == 1
    record = {key: value for key, value in read_config(tmp_path / "start").items() if key != "sha256"}
    folder = sharding.consolidated(tmp_path / "last", tmp_path / "whole", record)
    alone = load_strictly(build(config()), load_file(tmp_path / "start" / "model.safetensors"))
    stepped(alone, optimiser_of(alone), range(FIRST + REST))
    found = read_weights(folder, read_config(folder)["sha256"])
    assert found.keys() == alone.state_dict().keys()
    for key, value in alone.state_dict().items():
        torch.testing.assert_close(found[key], value, rtol=1e-3, atol=1e-5)


def narrow():
    """The published weather model, of its depth, 1/160 as wide and with few channels."""
    whole, small = prithvi_wxc(), weather.configuration()

    def thin(core, like):
        scale, pattern = core.scales[0], like.scales[0].down[0]
        blocks = tuple(
            dataclasses.replace(
                block,
                hidden=pattern.hidden,
                attention=dataclasses.replace(block.attention, heads=pattern.attention.heads),
            )
            for block in scale.down
        )
        return dataclasses.replace(core, scales=(dataclasses.replace(scale, width=like.scales[0].width, down=blocks),))

    return dataclasses.replace(small, core=thin(whole.core, small.core), decoder=thin(whole.decoder, small.decoder))


def one_step(folder: Path) -> None:
    torch.set_num_threads(1)
    join(world())
    model = sharding.sharded(lambda: build_weather(narrow()), world())
    (folder / f"held{world().rank}").write_text(str(sharding.rows_held(model)))
    sharding.read_rows(model, folder / "start")
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    loss = model.loss(weather.batch())
    loss.backward()
    optimiser.step()
    (folder / f"loss{world().rank}").write_text(repr(loss.item()))


@pytest.mark.integration
@VIEWS
@pytest.mark.parametrize("size", [2, 4])
def test_the_large_weather_model_takes_a_step_of_which_no_process_holds_the_whole(tmp_path, size):
    torch.manual_seed(0)
    model = build_weather(narrow())
    assert [len(c.scales[0].down) for c in (narrow().core, narrow().decoder)] == [
        len(c.scales[0].down) for c in (prithvi_wxc().core, prithvi_wxc().decoder)
    ]
    model.save(tmp_path / "start")
    assert together(size, one_step, tmp_path) == [0] * size
    assert all(float((tmp_path / f"held{rank}").read_text()) < 1 / size + 0.1 for rank in range(size))
    loss = model.loss(weather.batch()).item()
    assert all(float((tmp_path / f"loss{rank}").read_text()) == pytest.approx(loss, rel=1e-4) for rank in range(size))
