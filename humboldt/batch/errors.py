"""The error of this folder."""


class BatchError(ValueError):
    """Something that a batch system would refuse, or did; the message states rule, value and cure."""
