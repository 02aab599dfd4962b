"""The same run on a laptop and in the queue of a cluster: arrays, scripts, results, data on the node's own disk."""

from .array import expand, task_recipes
from .errors import BatchError
from .prefetch import prefetch, verify
from .profile import Profile, load_profile
from .results import summary
from .script import script
from .staging import staged
from .submission import Submission

__all__ = [
    "BatchError",
    "Profile",
    "Submission",
    "expand",
    "load_profile",
    "prefetch",
    "script",
    "staged",
    "summary",
    "task_recipes",
    "verify",
]
