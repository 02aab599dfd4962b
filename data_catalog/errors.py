"""The one error of this folder."""


class DataError(ValueError):
    """Data that break a rule; the message states the rule, the value and the cure."""
