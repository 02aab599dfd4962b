"""The processes of one run: which of them this is, alike under `torchrun`, under `srun` and alone."""

from __future__ import annotations

import atexit
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from humboldt.foundations import ConfigError


@dataclass(frozen=True, kw_only=True)
class World:
    """Processes that train together.

    Attributes:
        rank: number of this process among all, from 0.
        size: number of all processes.
        local_rank: number of this process among those of its machine.
        local_size: number of processes of a machine.
        address: of the machine of rank 0.
        port: through which they meet there.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    address: str = "127.0.0.1"
    port: int = 29500

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0


def world(environment: Mapping[str, str] | None = None) -> World:
    """Where this process stands, as the launcher says.

    Raises:
        ConfigError: machines with different numbers of processes.
    """
    env = os.environ if environment is None else environment
    if {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} <= env.keys():  # torchrun, and launchers like it
        size = int(env["WORLD_SIZE"])
        return World(
            rank=int(env["RANK"]),
            size=size,
            local_rank=int(env.get("LOCAL_RANK", 0)),
            local_size=int(env.get("LOCAL_WORLD_SIZE", size)),
            address=env["MASTER_ADDR"],
            port=int(env["MASTER_PORT"]),
        )
    if int(env.get("SLURM_STEP_NUM_TASKS", 1)) > 1:  # a step of srun; the batch script itself is not one
        return _of_slurm(env)
    return World()


def _of_slurm(env: Mapping[str, str]) -> World:
    counts = {count for count, _ in re.findall(r"(\d+)(\(x\d+\))?", env["SLURM_STEP_TASKS_PER_NODE"])}
    if len(counts) != 1:
        raise ConfigError(
            "every machine runs as many processes as the others, got SLURM_STEP_TASKS_PER_NODE="
            f"{env['SLURM_STEP_TASKS_PER_NODE']}; ask for --ntasks-per-node"
        )
    return World(
        rank=int(env["SLURM_PROCID"]),
        size=int(env["SLURM_STEP_NUM_TASKS"]),
        local_rank=int(env["SLURM_LOCALID"]),
        local_size=int(counts.pop()),
        address=first_host(env["SLURM_STEP_NODELIST"]),
        port=int(env.get("MASTER_PORT", 15000 + int(env["SLURM_JOB_ID"]) % 20000)),
    )


def first_host(hosts: str) -> str:
    """The first of a compressed list of hosts: `node[007-009,011],other` begins with `node007`."""
    found = re.match(r"([^\[,]+)(?:\[(\w+))?", hosts)
    return found[1] + (found[2] or "") if found else "127.0.0.1"


def join(world: World) -> None:
    """From now to the end of the program the processes can talk to each other; a process alone needs nothing.

    Nobody leaves between two runs: whoever came to the second one first would meet the store of the first, which is
    about to be closed.
    """
    if world.size == 1 or torch.distributed.is_initialized():
        return
    os.environ |= {"MASTER_ADDR": world.address, "MASTER_PORT": str(world.port)}
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    torch.distributed.init_process_group(backend, rank=world.rank, world_size=world.size)
    atexit.register(leave)


def leave() -> None:
    """What a program does at its end: say good-bye to the other processes."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def wait_for_all(world: World) -> None:
    """Go on when every process is here."""
    if world.size > 1:
        torch.distributed.barrier()


def shared_out(indices: list[int], world: World) -> list[int]:
    """This process's part of a batch.

    Raises:
        ConfigError: the batch cannot be shared out evenly.
    """
    if len(indices) % world.size:
        near = max(world.size, len(indices) // world.size * world.size)
        raise ConfigError(
            f"a batch is shared out evenly among the processes, got {len(indices)} samples for {world.size} processes; "
            f"choose batch_size {near}, or a number of processes that divides it"
        )
    return indices[world.rank :: world.size]
