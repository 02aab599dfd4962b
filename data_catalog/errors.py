"""The one error of this folder, and what a disk says that takes no more."""

import errno


class DataError(ValueError):
    """Data that break a rule; the message states the rule, the value and the cure."""


NO_ROOM = {
    errno.ENOSPC: ("the disk became full", "free some space"),
    errno.EDQUOT: ("the quota is spent", "free some space"),
    errno.EFBIG: ("a file may not become so large here", "lift the limit on the size of files (ulimit -f)"),
}
"""Numbers of errors that say that there is no room: what happened, and the cure."""


def no_room(error: BaseException) -> tuple[str, str] | None:
    """What happened and the cure, of an error that says that there is no room; None of any other."""
    return NO_ROOM.get(error.errno or 0) if isinstance(error, OSError) else None
