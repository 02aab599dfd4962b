"""How a forecast goes ahead: to each lead time at once (`direct`), or in steps (`autoregressive`)."""

from __future__ import annotations

from typing import TypeVar

Length = TypeVar("Length", float, int)


def step_of(rollout: str, step: Length | None, usual: Length | None) -> Length | None:
    """Length of the steps of a rollout; None where each lead time is made at once.

    Args:
        rollout: `direct` or `autoregressive`.
        step: as it was asked for.
        usual: the length where none was asked for.

    Raises:
        ValueError: another kind of rollout, a step that is not positive, or one where nothing goes in steps.
    """
    if rollout not in ("direct", "autoregressive"):
        raise ValueError(f"a rollout is 'direct' or 'autoregressive', got {rollout!r}")
    if step is not None and not step > 0:
        raise ValueError(
            f"a step of a rollout is positive, got {step:g} (in the units of lead times); name one that the lead times "
            "are multiples of"
        )
    if rollout == "direct" and step is not None:
        raise ValueError(
            f"a step is one of an autoregressive rollout, got step={step:g} and rollout='direct'; add "
            "rollout='autoregressive' or leave the step out"
        )
    return None if rollout == "direct" else usual if step is None else step


def refuse_rollout(what: str, rollout: str, step: float | int | None) -> None:
    """Refuse a rollout, or a step of one, of what is no forecast.

    Raises:
        ValueError: a rollout was asked for.
    """
    if rollout != "direct" or step is not None:
        raise ValueError(
            f"{what} are made at once, got rollout={rollout!r} and step={step}; leave rollout and step out"
        )
