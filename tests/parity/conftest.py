"""What the parity tests share: the command that replays golden cases, as a module."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="session")
def replay_command() -> ModuleType:
    """The module `replay.py`, which is run by its path and belongs to no package."""
    spec: Any = importlib.util.spec_from_file_location("replay", Path(__file__).with_name("replay.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def replay(replay_command: ModuleType) -> Callable[..., Any]:
    """Every tensor that our model computes for a golden case."""
    return replay_command.replay
