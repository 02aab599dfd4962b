"""Predictions of more than memory holds, of any science: piece by piece, in several processes, resumable."""

from __future__ import annotations

import csv
import dataclasses
import json
import multiprocessing
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import dask
import filelock
import torch
import xarray as xr
from tqdm import tqdm

from humboldt.data_catalog import source_fingerprint
from humboldt.finetune import peak_megabytes, weights_hash
from humboldt.foundations import Model, Pieces

from .registry import domain
from .writing import made_folder, room


class StreamError(ValueError):
    """A prediction that cannot be made in pieces; the message states rule, value and cure."""


@dataclass(frozen=True)
class Blocks:
    """What `predict` makes of independent parts, written block by block; memory holds one block a process.

    Attributes:
        model: of any domain; of molecules also several, as `predict` takes them.
        source: as `predict` takes it; a path, or what was opened lazily, where it is large.
        lead_times: as of `predict`.
        along: dimension of the source, not of space: `sample`, or `time`. Maps of species and tables of molecules are
            cut into rows without it.
        choices: of `predict`; `batch_size` parts are a block, of molecules 32 times as many.
    """

    model: Model | Sequence[Model]
    source: Any
    lead_times: Sequence[float]
    along: str | None = None
    choices: Mapping[str, Any] = field(default_factory=dict)

    @property
    def _models(self) -> Sequence[Model]:
        return [self.model] if isinstance(self.model, Model) else self.model

    @cached_property
    def pieces(self) -> Pieces | None:
        """How the science cuts it up; None where it is made at once."""
        science = domain(self._models[0].domain or "pde")
        pieces: Pieces | None = science.pieces(
            self.model, self.source, list(self.lead_times), along=self.along, **self.choices
        )
        if pieces is not None and not pieces.count:
            raise StreamError("a prediction is made of one part or more, got a source with none; look into it")
        return pieces

    def write(self, output: str | os.PathLike[str], workers: int = 1) -> Path:
        """Make the blocks that are missing in `.NAME.blocks`, and put all together.

        The same call after an interruption goes on. Of fields the output is a NetCDF file, or a Zarr store if it ends
        in `.zarr`; of tables a CSV file. With several workers each is a process with one thread.

        Raises:
            StreamError: what is made at once, blocks of another prediction, or a process that failed.
            WriteError: no room.
            ValueError: as of `predict`.
        """
        pieces, output = self._cut(), Path(output)
        folder = output.with_name(f".{output.name}.blocks")
        made_folder(folder)
        with _alone(folder):
            _same_prediction(folder, self._asked(pieces))
            missing = [start for start in pieces.starts if not _block(folder, pieces, start).is_file()]
            if min(workers, len(missing)) > 1:
                self._in_processes(folder, missing, min(workers, len(missing)))
            else:
                _make(pieces, folder, missing, progress=True)
            _put_together([_block(folder, pieces, start) for start in pieces.starts], pieces.along, output)
            shutil.rmtree(folder)
        return output

    def plan(self, workers: int = 1) -> dict[str, Any]:
        """What there is to predict from, blocks, memory and time, JSON-ready; nothing is written. Times are of the
        second of two predictions of the first block or, of what is made at once, of the first lead time.

        Raises:
            StreamError, ValueError: as of `write`.
        """
        if self.pieces is None:
            spent, times = self._seconds(lambda: self._at_once(self.lead_times[:1])), self.lead_times
            steps = times[-1] / times[0] if self.choices.get("rollout") == "autoregressive" else max(1, len(times))
            made: dict[str, Any] = {"seconds": round(spent * steps, 1)}
        else:
            pieces, count = self.pieces, len(self.pieces.starts)
            spent = self._seconds(lambda: pieces.make(0, min(pieces.size, pieces.count)))
            made = {
                "parts": pieces.count,
                "blocks": count,
                "seconds per block": round(spent, 4),
                "seconds": round(spent * -(-count // workers), 1),
                "core_hours": round(spent * count / 3600, 4),
            }
        return {
            "model": [repr(model) for model in self._models],
            "source": _described(self.source),
            "lead_times": list(self.lead_times),
            **made,
            "memory_megabytes": peak_megabytes(),
        }

    def _at_once(self, lead_times: Sequence[float]) -> Any:
        science = domain(self._models[0].domain or "pde")
        return science.predict(self.model, self.source, list(lead_times), **self.choices)

    @staticmethod
    def _seconds(make: Callable[[], Any]) -> float:
        """Of the second call."""
        spent = 0.0
        for _ in range(2):
            begin = time.perf_counter()
            make()
            spent = time.perf_counter() - begin
        return spent

    def _cut(self) -> Pieces:
        if self.pieces is None:
            raise StreamError(
                f"blocks are cut along a dimension of independent parts, got none for this model of "
                f"{self._models[0].domain}; name it with along (--along)"
            )
        return self.pieces

    def _asked(self, pieces: Pieces) -> dict[str, Any]:
        return {
            "along": self.along,
            "parts": pieces.count,
            "size": pieces.size,
            "lead_times": list(self.lead_times),
            "model": [weights_hash(model) for model in self._models],
            "source": source_fingerprint(self.source),
            "choices": source_fingerprint(self.choices),
        }

    def _in_processes(self, folder: Path, missing: list[int], workers: int) -> None:
        parent = os.getpid()

        def part(number: int) -> None:
            """A share of the blocks, cut anew so that files are opened here."""
            threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
            torch.set_num_threads(1)  # a core each; and threads of before the fork are not there any more
            with dask.config.set(scheduler="synchronous"):
                try:
                    _make(dataclasses.replace(self)._cut(), folder, missing[number::workers])
                except Exception as error:  # told by the first process
                    (folder / f"{number}.problem").write_text(f"{type(error).__name__}: {error}")
                    os._exit(1)

        for old in folder.glob("*.problem"):
            old.unlink()
        context = multiprocessing.get_context("fork")
        running = [context.Process(target=part, args=(number,)) for number in range(workers)]
        for process in running:
            process.start()
        for process in running:
            process.join()
        if failed := [process.exitcode for process in running if process.exitcode]:
            told = "; ".join(sorted({path.read_text() for path in folder.glob("*.problem")})) or f"exit codes {failed}"
            raise StreamError(f"every process of a prediction ends well, got {told}; the same command goes on")


def _described(source: Any) -> Any:
    """Variables and sizes of labelled data, else what a source says of itself."""
    if isinstance(source, xr.Dataset):
        return {
            "variables": [str(name) for name in source.data_vars],
            "sizes": {str(d): n for d, n in source.sizes.items()},
        }
    return f"{source!r:.300}"


def _end_with(parent: int) -> None:
    """End this process soon after the first one, which may have been killed."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _make(pieces: Pieces, folder: Path, starts: list[int], progress: bool = False) -> None:
    for start in tqdm(starts, desc="blocks", unit="block", disable=not (progress and sys.stderr.isatty())):
        made, path = pieces.make(start, min(start + pieces.size, pieces.count)), _block(folder, pieces, start)
        aside = folder / f".{start}.{os.getpid()}"  # a killed command's processes may be at the same block for a moment
        with room(folder):
            made.to_csv(aside, index=False) if pieces.along is None else made.to_netcdf(aside)
            with aside.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(aside, path)


def _put_together(blocks: list[Path], along: str | None, output: Path) -> None:
    """One file or store, read and written block by block."""
    aside = output.with_name(f".{output.name}.writing")
    shutil.rmtree(aside, ignore_errors=True)
    with room(output.parent):
        if along is None:
            _join_tables(blocks, aside)
        else:
            _join_fields(blocks, along, aside, output.suffix == ".zarr")
        if output.is_dir():
            shutil.rmtree(output)
        os.replace(aside, output)


def _join_tables(blocks: list[Path], aside: Path) -> None:
    with aside.open("wb") as whole:
        for number, block in enumerate(blocks):
            with block.open("rb") as part:
                if number:
                    part.readline()  # the head
                shutil.copyfileobj(part, whole)


def _join_fields(blocks: list[Path], along: str, aside: Path, is_store: bool) -> None:
    options: dict[str, Any] = {"combine": "nested", "concat_dim": along, "data_vars": "minimal", "coords": "minimal"}
    options |= {"compat": "override", "join": "override", "combine_attrs": "override", "decode_timedelta": False}
    few = xr.set_options(file_cache_maxsize=4)  # open files hold memory, and blocks are read once, in order
    with few, dask.config.set(scheduler="synchronous"), xr.open_mfdataset(blocks, **options) as whole:
        for name in list(whole.coords):  # times count from the start of their block
            if whole[name].dtype.kind in "MO":
                whole = whole.assign_coords({name: whole[name].load().drop_encoding()})
        if is_store:
            whole.to_zarr(aside, mode="w", zarr_format=2)  # in which consolidated metadata are standard
        else:
            whole.to_netcdf(aside)


def rows_without(output: Path) -> tuple[int, int]:
    """Rows of a table of what was asked and predicted, and how many of them have no prediction."""
    rows = without = 0
    with output.open(newline="") as file:
        for _, first, *_ in csv.reader(file):
            rows, without = rows + 1, without + (not first)
    return rows - 1, without


def _block(folder: Path, pieces: Pieces, start: int) -> Path:
    return folder / f"{start:09d}{'.csv' if pieces.along is None else '.nc'}"


def _same_prediction(folder: Path, asked: dict[str, Any]) -> None:
    told = folder / "prediction.json"
    if told.is_file() and (before := json.loads(told.read_text())) != asked:
        other = [key for key in asked if before.get(key) != asked[key]]
        raise StreamError(
            f"{folder} holds blocks of another prediction (another {', '.join(other)}); remove it, or choose another "
            "output"
        )
    aside = told.with_suffix(".writing")
    aside.write_text(json.dumps(asked) + "\n")
    os.replace(aside, told)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """This process, and no other, makes the blocks of a folder."""
    try:
        with filelock.FileLock(folder / ".lock", timeout=10):
            yield
    except filelock.Timeout as error:
        raise StreamError(f"one command makes the blocks of {folder}, and one is at it; wait for it") from error
