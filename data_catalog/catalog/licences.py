"""Licences as SPDX expressions, and whether data may be passed on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from ..errors import DataError
from ..store import did_you_mean

Redistribution = Literal["allowed", "forbidden", "unknown"]
OWN = re.compile(r"LicenseRef-[A-Za-z0-9.-]+")
FORBIDS = re.compile(
    r"(redistribution|redistribut\w*)\W+(is\W+|are\W+)?(strictly\W+)?(prohibited|forbidden|not\W+(allowed|permitted))"
    r"|(do|may|must)\W+not\W+(be\W+)?redistribut",
    re.IGNORECASE,
)


def spdx(expression: str) -> str:
    """An SPDX licence expression as it is; `LicenseRef-...` stands for terms that have no identifier.

    Raises:
        DataError: not an expression, or an identifier that SPDX does not list.
    """
    wrong = _wrong_symbols(expression)
    if wrong:
        raise DataError(
            f"a licence is an SPDX expression (or LicenseRef-NAME for terms without an identifier), got {wrong[0]!r}"
            f"{did_you_mean(wrong[0], sorted(_licensing().known_symbols))}"
        )
    return expression


def _wrong_symbols(expression: str) -> list[str]:
    """The identifiers that SPDX does not list; the whole text if it is no expression."""
    try:
        parsed = _licensing().parse(OWN.sub("MIT", expression), strict=True)
    except Exception:  # the parser lets errors of several kinds through
        return [expression]
    return [expression] if parsed is None else list(_licensing().unknown_license_keys(parsed))


Licence = Annotated[str, AfterValidator(spdx)]


@cache
def _licensing() -> Any:
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


def forbids_redistribution(attributes: Mapping[str, Any]) -> str | None:
    """What a file says of its own against passing it on (attributes `license`, `redistribution`, ...); None if nothing.

    Some published test data forbid it although the repository that holds them is free.
    """
    for name, value in attributes.items():
        is_about = any(word in str(name).lower() for word in ("licen", "redistribution", "rights", "terms"))
        if not is_about:
            continue
        text = f"{name}: {value}"
        if FORBIDS.search(text) or (
            str(name).lower() == "redistribution" and str(value).lower() in ("no", "forbidden")
        ):
            return text
    return None


def require_redistribution(name: str, redistribution: Redistribution, licence: str | None) -> None:
    """Refuse to export what may not be passed on.

    Raises:
        DataError: the terms forbid it.
    """
    if redistribution == "forbidden":
        raise DataError(
            f"only data that may be passed on are exported, and the terms of {name} ({licence or 'unknown'}) forbid "
            "redistribution; ask its makers, or export another entry"
        )
