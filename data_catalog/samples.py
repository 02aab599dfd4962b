"""Reading whole samples into float32 arrays, with what was read last kept in memory."""

from __future__ import annotations

import hashlib
import logging
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import dask
import numpy as np
import xarray as xr

from .store import DataError
from .zarr_layout import UnreadableLayoutError
from .zarr_reader import ZarrReader

log = logging.getLogger(__name__)

BLOCK = 64 * 2**20
DECODED = {"_FillValue", "missing_value", "scale_factor", "add_offset"}


@dataclass(frozen=True, kw_only=True)
class Column:
    """Where one channel lies: a variable, and an index along each of its component dimensions.

    Attributes:
        name: of the channel, for messages.
        variable: of the dataset.
        index: (dimension, position) pairs that pick one component.
        offset: subtracted from the values in the file.
    """

    name: str
    variable: str
    index: tuple[tuple[str, int], ...] = ()
    offset: float = 0.0


@dataclass
class Held:
    """What a reader holds in one process."""

    process: int = -1
    dataset: xr.Dataset | None = None
    kept: dict[int, np.ndarray] = field(default_factory=dict)
    recent: OrderedDict[int, np.ndarray] = field(default_factory=OrderedDict)
    fingerprint: str = ""
    direct: dict[str, ZarrReader | None] = field(default_factory=dict)


class SampleReader:
    """Samples of a lazy dataset as arrays [time, channel, *space]; a variable without sample or time is repeated.

    Handles are opened in the process that reads, and neither handles nor what is cached is pickled.

    Args:
        opener: opens the dataset, with dimensions `sample`, `time` and those of `space`, each of them optional.
        columns: the channels, in order.
        space: names of the space axes, in order.
        missing: NaN is refused (`error`) or passed on (`mask`).
        cache_bytes: memory for the samples read last; what `keep` asks for comes on top.
        folder: the local Zarr store that `opener` opens, if it does: plain variables are then read from its chunks
            directly, the others through xarray.
    """

    def __init__(
        self,
        opener: Callable[[], xr.Dataset],
        columns: Sequence[Column],
        space: Sequence[str],
        *,
        missing: Literal["error", "mask"] = "error",
        cache_bytes: int = 2**28,
        folder: str | None = None,
    ) -> None:
        self.opener, self.columns, self.space = opener, tuple(columns), tuple(space)
        self.missing, self.cache_bytes = missing, cache_bytes
        self.folder, self.held = folder, Held()
        sizes = self.dataset.sizes
        self.samples = sizes.get("sample", 1)
        self.shape = (sizes.get("time", 1), len(self.columns), *(sizes[axis] for axis in self.space))

    @property
    def dataset(self) -> xr.Dataset:
        """The dataset, opened in this process."""
        if self.held.dataset is None or self.held.process != os.getpid():
            self.held.dataset, self.held.process = self.opener(), os.getpid()
        return self.held.dataset

    @property
    def bytes_per_sample(self) -> int:
        """Memory of one sample as float32."""
        return 4 * int(np.prod(self.shape))

    def get(self, samples: Sequence[int], *, keep: Sequence[int] | None = None) -> list[np.ndarray]:
        """The samples, each [time, channel, *space] and not to be written to; if one is not there yet, all of `keep`
        is read and stays in memory."""
        kept = self.held.kept
        if keep is not None and any(s not in kept for s in samples):
            for block, values in self.blocks([s for s in keep if s not in kept]):
                kept.update(zip(block, values, strict=True))
        return [kept[s] if s in kept else self._recall(s) for s in samples]

    def blocks(self, samples: Sequence[int]) -> Iterator[tuple[list[int], np.ndarray]]:
        """All the samples in pieces of bounded size, neighbours together: (numbers, [n, time, channel, *space])."""
        size = max(1, BLOCK // self.bytes_per_sample)
        run: list[int] = []
        for sample in samples:
            if run and (sample != run[-1] + 1 or len(run) == size):
                yield run, self.read(run)
                run = []
            run.append(int(sample))
        if run:
            yield run, self.read(run)

    def read(self, samples: Sequence[int]) -> np.ndarray:
        """Neighbouring samples from the store, [n, time, channel, *space].

        Raises:
            DataError: NaN where `missing` is `error`.
        """
        window = slice(samples[0], samples[-1] + 1)
        out = np.empty((len(samples), *self.shape), np.float32)
        with dask.config.set(scheduler="synchronous"):
            for variable in dict.fromkeys(c.variable for c in self.columns):
                self._place(out, variable, self._load(variable, window))
        if self.missing == "error":
            self._refuse_missing(out, samples)
        return out

    def _load(self, variable: str, window: slice) -> xr.DataArray:
        array, chunks = self.dataset[variable], self._direct(variable)
        chosen = array.isel(sample=window) if "sample" in array.dims else array
        if chunks is None:
            return chosen.load()
        values = np.empty(chosen.shape, array.dtype)
        chunks.read([window if d == "sample" else slice(0, n) for d, n in array.sizes.items()], values)
        return xr.DataArray(values, dims=array.dims)

    def _direct(self, variable: str) -> ZarrReader | None:
        """What reads the chunks of a variable whose values are stored as they are, if they lie in a Zarr folder."""
        if self.folder is None:
            return None
        if variable not in self.held.direct:
            self.held.direct[variable] = self._open_chunks(self.dataset[variable], f"{self.folder}/{variable}")
        return self.held.direct[variable]

    @staticmethod
    def _open_chunks(array: xr.DataArray, folder: str) -> ZarrReader | None:
        transformed = [k for k in DECODED & array.encoding.keys() if not _is_nan(array.encoding[k])]
        try:
            chunks = ZarrReader(folder)
        except UnreadableLayoutError as error:
            log.warning("%s is read through xarray, at a fraction of the speed: %s", folder, error)
            return None
        plain = chunks.layout.shape == array.shape and chunks.layout.dtype.newbyteorder("=") == array.dtype
        return chunks if plain and not transformed else None

    def _place(self, out: np.ndarray, variable: str, array: xr.DataArray) -> None:
        for number, column in enumerate(self.columns):
            if column.variable == variable:
                field = array.isel(dict(column.index))
                order = [d for d in ("sample", "time", *self.space) if d in field.dims]
                values = field.transpose(*order).values
                lacking = [n for n, d in enumerate(("sample", "time", *self.space)) if d not in field.dims]
                np.subtract(np.expand_dims(values, lacking), column.offset, out=out[:, :, number], casting="unsafe")

    def _refuse_missing(self, values: np.ndarray, samples: Sequence[int]) -> None:
        nan = np.isnan(values)
        if not nan.any():
            return
        sample, time, channel = np.argwhere(nan)[0][:3]
        count = int(nan[:, :, channel].sum())
        raise DataError(
            f"training data hold a number everywhere, got {count} NaN in variable {self.columns[channel].name!r}, "
            f"first in sample {samples[sample]} at time index {time}; repair the file, or open it with missing='mask'"
        )

    def _recall(self, sample: int) -> np.ndarray:
        recent = self.held.recent
        values = recent.pop(sample, None)
        if values is None:
            values = self.read([sample])[0]
        recent[sample] = values
        while len(recent) > max(1, self.cache_bytes // self.bytes_per_sample):
            recent.popitem(last=False)
        return values

    def fingerprint(self) -> str:
        """Hash of the shape and of the values of the first and the last sample."""
        if not self.held.fingerprint:
            ends = b"".join(self.read([sample]).tobytes() for sample in sorted({0, self.samples - 1}))
            self.held.fingerprint = hashlib.sha256(f"{self.samples} {self.shape} ".encode() + ends).hexdigest()
        return self.held.fingerprint

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "held": Held()}


def _is_nan(value: Any) -> bool:
    return isinstance(value, float | np.floating) and bool(np.isnan(value))
