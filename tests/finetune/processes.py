"""Run a function in several processes that are told who they are as a launcher would tell them."""

import multiprocessing
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import humboldt.finetune.training  # noqa: F401 - here once, instead of once in every child
from humboldt.finetune.world import leave


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def as_torchrun(rank: int, size: int, port: int) -> dict[str, str]:
    return {
        "RANK": str(rank),
        "WORLD_SIZE": str(size),
        "LOCAL_RANK": str(rank),
        "LOCAL_WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }


def as_srun(rank: int, size: int, port: int) -> dict[str, str]:
    return {
        "SLURM_STEP_ID": "0",
        "SLURM_JOB_ID": "7",
        "SLURM_PROCID": str(rank),
        "SLURM_LOCALID": str(rank),
        "SLURM_STEP_NUM_TASKS": str(size),
        "SLURM_STEP_TASKS_PER_NODE": str(size),
        "SLURM_STEP_NODELIST": "localhost",
        "MASTER_PORT": str(port),
    }


def together(size: int, function: Callable[..., Any], *arguments: Any, launcher: Any = as_torchrun) -> list[int]:
    """Exit codes of `size` processes that run a function: 0, that of `sys.exit`, 1 for an error, or minus the signal.

    As launchers do, all are ended where one was killed.
    """
    context, port = multiprocessing.get_context("fork"), free_port()

    def one(rank: int) -> None:
        os.environ |= launcher(rank, size, port)
        try:
            function(*arguments)
            leave()
        except SystemExit as stop:
            sys.stdout.flush()
            os._exit(int(stop.code or 0))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)

    running = [context.Process(target=one, args=(rank,)) for rank in range(size)]
    for process in running:
        process.start()
    end = time.monotonic() + 280
    while any(process.is_alive() for process in running) and time.monotonic() < end:
        time.sleep(0.05)
        if any((process.exitcode or 0) < 0 for process in running):
            break
    for process in running:
        process.kill()
        process.join()
    return [process.exitcode if process.exitcode is not None else -1 for process in running]
