"""Old checkpoints become new ones by numbered steps; none is ever removed, so that every checkpoint loads for ever."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .tensor_file import CheckpointError

Record = dict[str, Any]
Step = Callable[[Record], Record]


def name_the_library(record: Record) -> Record:
    """1 to 2: the version of Humboldt that wrote a checkpoint is said."""
    return {**record, "library": "before 0.1"}


STEPS: dict[int, Step] = {1: name_the_library}
"""What makes a record of version n one of version n + 1."""
VERSION = max(STEPS) + 1
FORMAT = f"humboldt-{VERSION}"


def migrated(record: Record) -> Record:
    """A record of ours in the present format; one of a published model as it is.

    Raises:
        CheckpointError: a format that does not exist yet, or never did.
    """
    if "format" not in record:
        return record
    found = re.fullmatch(r"humboldt-([1-9]\d{0,5})", str(record["format"]))
    if found is None:
        raise CheckpointError(f"a checkpoint of ours has a format such as {FORMAT}, got {record['format']!r}")
    version = int(found[1])
    if version > VERSION:
        raise CheckpointError(
            f"this version of Humboldt reads checkpoints up to {FORMAT}, got {record['format']}; update Humboldt"
        )
    for number in range(version, VERSION):
        record = STEPS[number](record)
    return {**record, "format": FORMAT}
