"""A model that no process holds as a whole: built without memory, shared out by rows, trained, saved and put together.

Fully sharded data parallelism (FSDP2): each process keeps its rows of every parameter, its gradient and its moments,
and sees whole parameters one block at a time. The batch is shared out as in `fit`.
"""

from __future__ import annotations

import copy
import json
import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.distributed.checkpoint as dcp
from safetensors import safe_open
from torch import Tensor
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer

from humboldt.foundations import Block, CheckpointError, Model, header, load_strictly, weight_files, write

from .latest import put, scratch
from .world import World


def sharded(build: Callable[[], Model], world: World) -> Model:
    """A model without values, of which this process holds its rows; `read_rows` or `load` fills them.

    Args:
        build: makes the model; called where tensors take no memory.
        world: the processes, which have met (`joined`).
    """
    with torch.device("meta"):
        model = build()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return share(model, init_device_mesh(device, (world.size,))).to_empty(device=device)


def share(model: Model, mesh: DeviceMesh) -> Model:
    """Of every parameter, leave to each process of a mesh its rows; whole ones are there a block at a time.

    A model that is shared already is left as it is.
    """
    if isinstance(model, FSDPModule):
        return model
    for module in model.modules():
        if isinstance(module, Block):
            fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh)
    return model


def gathered(model: Model, like: Model) -> Model:
    """A model as `like`, in every process, with all values of a shared one, frozen where that one is."""
    state = {key: _whole(value).cpu() for key, value in model.state_dict().items()}
    plain = load_strictly(copy.deepcopy(like), state)
    for ours, theirs in zip(plain.parameters(), model.parameters(), strict=True):
        ours.requires_grad_(theirs.requires_grad)
    return plain


def _whole(value: Tensor) -> Tensor:
    return value.full_tensor() if isinstance(value, DTensor) else value


def rows_held(model: Model) -> float:
    """Share of all values of the parameters that this process holds."""
    whole = sum(p.numel() for p in model.parameters())
    held = sum(p.to_local().numel() if isinstance(p, DTensor) else p.numel() for p in model.parameters())
    return held / whole


def read_rows(model: Model, folder: str | os.PathLike[str]) -> Model:
    """Fill a sharded model from a checkpoint of ours; each process reads its own rows from the files.

    Raises:
        CheckpointError: a tensor that is missing, surplus or of another shape.
    """
    files = {name: path for path in weight_files(folder) for name in header(path)}
    state = model.state_dict()
    if wrong := sorted(files.keys() ^ state.keys()):
        raise CheckpointError(
            f"weights must fit the model, but {wrong[:5]} are on one side only; is it another model's?"
        )
    opened: dict[Path, Any] = {}
    for name, value in state.items():
        file = opened.setdefault(files[name], safe_open(files[name], framework="pt"))
        part = file.get_slice(name)
        if list(part.get_shape()) != list(value.shape):
            raise CheckpointError(f"{name} has shape {part.get_shape()} in {files[name]}, {tuple(value.shape)} here")
        _fill(value, part)
    return model


def _fill(value: Tensor, part: Any) -> None:
    if not isinstance(value, DTensor):
        value.copy_(part[:] if value.dim() else part[...])
        return
    local, count, rank = value.to_local(), value.device_mesh.size(), value.device_mesh.get_local_rank()
    first = min(rank * -(-value.shape[0] // count), value.shape[0])  # rows are cut as `torch.chunk` cuts them
    if local.shape[0]:
        local.copy_(part[first : first + local.shape[0]])


def save(model: Model, optimiser: Optimizer, step: int, folder: Path) -> None:
    """Write a checkpoint from which `load` goes on; every process writes its rows, all of them call this.

    A reader finds the old or the new one: `folder` is a link that is put in place when all is written.
    """
    weights, moments = get_state_dict(model, optimiser)
    place = scratch(folder, step)
    torch.distributed.barrier()
    dcp.save({"model": weights, "optimiser": moments, "step": torch.tensor(step)}, checkpoint_id=place)
    if torch.distributed.get_rank() == 0:
        put(place, folder)
    torch.distributed.barrier()


def load(model: Model, optimiser: Optimizer, folder: Path) -> int:
    """Fill a sharded model and its optimiser from `save`, by any number of processes; returns the step."""
    weights, moments = get_state_dict(model, optimiser)
    state: dict[str, Any] = {"model": weights, "optimiser": moments, "step": torch.tensor(0)}
    dcp.load(state, checkpoint_id=folder)
    set_state_dict(model, optimiser, model_state_dict=state["model"], optim_state_dict=state["optimiser"])
    return int(state["step"])


def consolidated(checkpoint: Path, folder: Path, record: Mapping[str, Any]) -> Path:
    """Weights of a sharded checkpoint as safetensors with a `config.json`, made by one process without the others.

    Args:
        checkpoint: what `save` wrote.
        folder: of the model.
        record: what `config.json` says beside the hash: format, domain, config, provenance.
    """
    known: dict[str, Any] = dcp.FileSystemReader(checkpoint).read_metadata().state_dict_metadata
    state = {key: torch.empty(about.size, dtype=about.properties.dtype) for key, about in known.items()
             if key.startswith("model.")}  # fmt: skip
    nested: dict[str, Any] = {"model": {key.removeprefix("model."): value for key, value in state.items()}}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")  # as is meant here
        dcp.load(nested, checkpoint_id=checkpoint, no_dist=True)
    said = json.loads(json.dumps(record))
    return write(folder, nested["model"], lambda sha256: {**said, "sha256": sha256})
