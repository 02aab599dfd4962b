"""What the transfer benchmark beside this one has already: baselines, a training loop, records."""

import importlib.util
import sys
from pathlib import Path

TRANSFER = Path(__file__).parents[1] / "transfer"
sys.path.append(str(TRANSFER))

from baselines import Increment, fno, unet  # noqa: E402
from training import Examples, train  # noqa: E402

_spec = importlib.util.spec_from_file_location("transfer_run", TRANSFER / "run.py")  # there is a run.py here as well
assert _spec is not None
assert _spec.loader is not None
_run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_run)
append, read_records = _run.append, _run.read_records

__all__ = ["Examples", "Increment", "append", "fno", "read_records", "train", "unet"]
