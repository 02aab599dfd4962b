"""What a computing centre wants to be told: a small YAML file a site."""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from .errors import BatchError

FOLDER = "HUMBOLDT_PROFILES"
"""Environment variable with a folder of profiles; `~/.config/humboldt/profiles` is looked through as well."""
TIME = re.compile(r"(?:(\d+)-)?(\d{1,3}):([0-5]\d):([0-5]\d)")  # SLURM reads two numbers as minutes and seconds
SCHEDULERS = ("slurm", "pbs", "lsf")


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A site and what a job there asks for.

    Attributes:
        name: of the site.
        scheduler: slurm, pbs or lsf (the last two are untested).
        account: that pays; some sites refuse jobs without one (`needs_account`).
        partition: or queue.
        time: limit of a task, `HH:MM:SS` or `D-HH:MM:SS`; `longest` is the site's.
        nodes: machines of a task.
        tasks_per_node: processes of each machine; they share out every batch.
        cpus_per_task: cores of a process.
        gpus_per_node: accelerators of each machine.
        memory: of each machine, such as 16G; the site's default if not given.
        largest_array: tasks of an array at most.
        at_once: tasks of an array that run at the same time; all if not given.
        warning: seconds before the time limit at which a task is told to save.
        modules: to load.
        container: what stands before the command, such as `apptainer exec --nv humboldt.sif`.
        environment: variables to set.
        offline: compute nodes have no network; nothing is asked of it.
        local_disk: folder on the node's own disk, to which data are copied first; may name variables.
        options: further lines for the scheduler, such as `--constraint=a100`.
    """

    name: str = "here"
    scheduler: str = "slurm"
    account: str | None = None
    needs_account: bool = False
    partition: str | None = None
    time: str = "01:00:00"
    longest: str | None = None
    nodes: int = 1
    tasks_per_node: int = 1
    cpus_per_task: int = 1
    gpus_per_node: int = 0
    memory: str | None = None
    largest_array: int = 1000
    at_once: int | None = None
    warning: int = 120
    modules: tuple[str, ...] = ()
    container: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    offline: bool = True
    local_disk: str | None = None
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.scheduler not in SCHEDULERS:
            raise BatchError(f"a scheduler is slurm, pbs or lsf, got {self.scheduler!r}; correct the profile")
        if self.scheduler != "slurm" and self.nodes > 1:
            raise BatchError(
                f"scripts for {self.scheduler} start processes of one machine, got nodes {self.nodes}; ask for one, "
                "or start torchrun on each by a script of yours"
            )
        if self.needs_account and not self.account:
            raise BatchError(f"{self.name} takes no job without an account, got none; add --account PROJECT")
        if self.longest is not None and seconds(self.time) > seconds(self.longest):
            raise BatchError(f"{self.name} runs a task for {self.longest} at most, got time {self.time}; shorten it")
        for name in ("nodes", "tasks_per_node", "cpus_per_task", "largest_array"):
            if getattr(self, name) < 1:
                raise BatchError(f"{name} is at least 1, got {getattr(self, name)}; correct the profile")
        seconds(self.time)

    @property
    def processes(self) -> int:
        """All processes of a task."""
        return self.nodes * self.tasks_per_node

    @property
    def cores(self) -> int:
        """All cores of a task."""
        return self.processes * self.cpus_per_task


def seconds(time: str) -> int:
    """A time limit in seconds.

    Raises:
        BatchError: another form than `HH:MM:SS` or `D-HH:MM:SS`.
    """
    found = TIME.fullmatch(str(time))
    if found is None:
        raise BatchError(
            f"a time limit is written HH:MM:SS or D-HH:MM:SS, got {time!r}; write 02:30:00 for two and a half hours "
            "(in YAML between quotes)"
        )
    days, hours, minutes, rest = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def load_profile(name: str | None = None, **changes: Any) -> Profile:
    """The profile of that name, or in that file, with changes (those that are None are none).

    Raises:
        BatchError: unknown profile or key (with the nearest known one), or a value that breaks a rule.
    """
    from humboldt.foundations import ConfigError, from_dict  # PyTorch, which no help text waits for

    found = _read(name) if name is not None else {}
    known = {f.name for f in dataclasses.fields(Profile)}
    for key in found:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            raise BatchError(f"a profile has no key {key!r}; {f'did you mean {near[0]}?' if near else sorted(known)}")
    found |= {key: value for key, value in changes.items() if value is not None}
    try:
        return from_dict(Profile, {key: _worded(key, value) for key, value in found.items()})
    except ConfigError as error:
        raise BatchError(f"{error}; correct the profile") from error


def _worded(key: str, value: Any) -> Any:
    """A number where YAML reads one and a word is meant (accounts, memory), and one word where there may be several."""
    if key in ("modules", "options") and isinstance(value, str):
        return (value,)
    if key == "environment" and isinstance(value, dict):
        return {name: str(word) for name, word in value.items()}
    words = ("account", "partition", "time", "longest", "memory", "container", "local_disk")
    return str(value) if key in words and isinstance(value, int | float) else value


def profiles() -> dict[str, Path]:
    """Every profile that is there: of the package, of the user, of `$HUMBOLDT_PROFILES`; later ones win."""
    folders = [
        Path(str(resources.files("humboldt.batch"))) / "profiles",
        Path("~/.config/humboldt/profiles").expanduser(),
    ]
    if os.environ.get(FOLDER):
        folders.append(Path(os.environ[FOLDER]))
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.yaml"))}


def _read(name: str) -> dict[str, Any]:
    known = profiles()
    path = Path(name) if name.endswith((".yaml", ".yml")) else known.get(name)
    if path is None or not path.is_file():
        near = difflib.get_close_matches(name, known, 1)
        cure = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}; write one into ${FOLDER}"
        raise BatchError(f"there is no profile called {name!r}; {cure}")
    from humboldt.foundations import load_settings  # PyTorch, as above

    try:
        found = load_settings(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        what = " ".join(str(error).split())
        raise BatchError(f"a profile is a YAML file, but {path} is none ({what}); correct it") from error
    if not isinstance(found, dict):
        raise BatchError(f"a profile is a mapping of keys to values, but {path} holds a {type(found).__name__}")
    return {"name": path.stem, **found}
