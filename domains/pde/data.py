"""Opening trajectories on disk as a dataset of pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from humboldt.data_catalog import DataError, SampleReader, split_units, store_path, zarr_folder

from .layouts import Layout, missing_variable, open_conventional, read_layout
from .pairs import Pairs, pair_table
from .tasks import super_resolution, unlabelled
from .trajectories import TrajectoryDataset


def open_trajectories(
    source: Any,
    *,
    variables: Sequence[str] | Mapping[str, str] | None = None,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    dims: Mapping[str, str] | None = None,
    periodic: bool | Sequence[str] | None = None,
    units: Mapping[str, str] | None = None,
    layout: str | None = None,
    pairs: str | Pairs | Mapping[str, Any] | Sequence[Sequence[int]] = "all2all",
    lead_times: float | Sequence[float] | None = None,
    coarse: int | None = None,
    split: Mapping[str, float | int | Sequence[int]] | None = None,
    missing: str = "error",
    in_memory: bool | None = None,
    augment: bool = False,
) -> TrajectoryDataset:
    """Open trajectories [sample, time, variable..., space...]; nothing but coordinates is read yet.

    Args:
        source: a Zarr store, a NetCDF or HDF5 file (CF-like, PDEgym, The Well, PDEBench), or an xarray object.
        variables: channels or variables to take, in order (a vector's name stands for its components); a mapping
            {name in the file: new name} renames.
        inputs, outputs: channels of input and target where they differ. A file without time needs them: it holds steady
            problems, each one pair with lead time 1.
        dims: {role: dimension in the file} for names that are not recognised; roles are `sample`, `time`, `component`
            and the space axes `x`, `y`, `z`.
        periodic: whether the space axes close on themselves (all, or the ones named); by default what the file says in
            its attribute `periodic`, else not.
        units: {channel: units} where the file's label is missing or wrong.
        layout: name of a published collection (such as `NS-Sines`) where the file's own name does not tell it.
        pairs: `all2all`, `vanilla`, a `Pairs` value or its fields as a mapping, or a list of frames (input, target), as
            [[7, 7]] for one field of frame 7 from others (`inversion`).
        lead_times: the data are states of which nobody knows what comes, see `unlabelled`.
        coarse: learn every state from its means over blocks of so many points, see `super_resolution`.
        split: size, share or list of trajectories of `train`, `validation`, `test`; see `split_units` for the default.
        missing: NaN is an error, or stays NaN in the fields and counts as `known` in the target (`mask`).
        augment: show training pairs under random symmetries: translations along periodic axes, turns and reflections.
            Sound for equations that have them: no position, no preferred direction, no rotation, no pseudoscalars.
        in_memory: read the whole part at once and keep it; by default if it takes less than 1 GB.

    Raises:
        DataError: the data break a rule; the message states it, the value and the cure.
        FileNotFoundError: there is no such file.
    """
    names = list(dict.fromkeys([*(inputs or ()), *(outputs or ())])) or None
    if names and variables is not None:
        raise DataError("channels are chosen by variables, or by inputs and outputs, got both; leave one out")
    if missing not in ("error", "mask"):
        raise DataError(f"missing values are an 'error' or a 'mask', got {missing!r}; choose one of them")
    found = read_layout(source, dims=dims, variables=names or variables, periodic=periodic, units=units, layout=layout)
    inputs, outputs = inputs or found.attributes.get("inputs"), outputs or found.attributes.get("outputs")
    if found.times is None and lead_times is not None:
        inputs, outputs = (names or [c.name for c in found.channels] for names in (inputs, outputs))
    if found.times is None and not (inputs and outputs):
        raise DataError(
            f"data without a time dimension are steady problems and need inputs and outputs, got the channels "
            f"{[c.name for c in found.channels]}; name them, such as inputs=[...], outputs=[...], "
            "or dims={'time': ...}, or lead_times=[...] if they are states of which nobody knows what comes"
        )
    opener = partial(open_conventional, source, dims, layout)
    several = isinstance(source, str | Path) and Path(source).is_dir() and zarr_folder(source) is None
    path = None if several else store_path(source)
    reader = SampleReader(
        opener, found.columns, found.space, missing="mask" if missing == "mask" else "error", path=path
    )
    table = np.zeros((1, 2), int) if found.times is None else pair_table(pairs, len(found.times))
    taken, targets = selected(found, inputs), selected(found, outputs)
    data = TrajectoryDataset(
        source=source,
        layout=found,
        reader=reader,
        samples=tuple(range(reader.samples)),
        parts=split_units(reader.samples, split or found.attributes.get("split")),
        pairs=table,
        channels=tuple(found.channels[i] for i in taken),
        outputs=tuple(found.channels[i] for i in targets),
        in_memory=in_memory,
        augmented=augment,
    )
    data = data if coarse is None else super_resolution(data, coarse)
    return data if lead_times is None else unlabelled(data, lead_times)


def selected(layout: Layout, names: Sequence[str] | None) -> list[int]:
    """Positions of channels, or of all channels of a variable or group, by name; None for all."""
    if not names:
        return list(range(len(layout.channels)))
    found = []
    for name in names:
        here = [i for i, c in enumerate(layout.channels) if c.name == name]
        here = here or [i for i, k in enumerate(layout.columns) if k.variable == name]
        here = here or [i for i, c in enumerate(layout.channels) if c.error_group == name]
        if not here:
            raise missing_variable(name, [c.name for c in layout.channels])
        found += here
    return found
