"""Under which terms weights may be passed on, from the terms of what they were made from."""

from __future__ import annotations

import re
from collections.abc import Mapping

OPEN = re.compile(
    r"CC0-1\.0|PDDL-1\.0|CC-BY-[\d.]+|ODC-By-1\.0|MIT|BSD-\d-Clause|Apache-2\.0|ISC|Unlicense|etalab-2\.0|OGL-UK-3\.0|"
    r"CC-PDDC|LicenseRef-public-domain|NLOD-2\.0"
)
SHARE_ALIKE = re.compile(r"CC-BY(-NC)?-SA-[\d.]+|ODbL-1\.0|A?GPL-.*|LGPL-.*")
NON_COMMERCIAL = re.compile(r"CC-BY-NC-[\d.]+")
DEFAULT = "Apache-2.0"


class LicenceError(ValueError):
    """Terms that cannot be met together; the message names them."""


def inherited(sources: Mapping[str, str | None]) -> str:
    """The freest licence that weights may carry.

    Terms that ask for the same terms (share-alike) or forbid commercial use are passed on; public domain, attribution
    and permissive terms leave the choice, which is Apache-2.0 here.

    Args:
        sources: SPDX expression of each data set and model that the weights were made from; None if it is not known.

    Raises:
        LicenceError: terms that are unknown, forbid derived works, or contradict each other.
    """
    asked: dict[str, str] = {}
    for name, expression in sources.items():
        if not expression or expression == "unknown":
            raise LicenceError(
                f"weights carry the terms of what they were made from, but those of {name} are not known; find them "
                f"and say licences={{{name!r}: '...'}}"
            )
        asked |= {one: name for one in _terms(name, expression) if not OPEN.fullmatch(one)}
    shared = sorted(one for one in asked if SHARE_ALIKE.fullmatch(one))
    others = sorted(one for one in asked if NON_COMMERCIAL.fullmatch(one))
    if len(shared) > 1 or (shared and others and "-NC-" not in shared[0]):
        both = "; ".join(f"{asked[one]}: {one}" for one in (*shared, *others))
        raise LicenceError(f"weights cannot meet terms that exclude each other ({both}); train without one of them")
    return shared[0] if shared else others[-1] if others else DEFAULT


def chosen(wanted: str | None, sources: Mapping[str, str | None]) -> str:
    """The licence of the weights: the one that is asked for, if what they were made from allows it.

    Raises:
        LicenceError: it does not (see `inherited`).
    """
    bound = inherited(sources)
    if wanted is None or wanted == bound:
        return bound
    if not (OPEN.fullmatch(wanted) or SHARE_ALIKE.fullmatch(wanted) or NON_COMMERCIAL.fullmatch(wanted)):
        raise LicenceError(f"a licence of weights is an SPDX identifier such as {DEFAULT}, got {wanted!r}")
    if bound != DEFAULT:
        raise LicenceError(
            f"weights made from {', '.join(sources)} are under {bound}, got licence={wanted!r}; leave it out"
        )
    return wanted


def _terms(name: str, expression: str) -> list[str]:
    """The licences that hold together; of alternatives the first that allows weights."""
    found = []
    for part in re.split(r"\s+AND\s+", expression.replace("(", "").replace(")", "")):
        alternatives = re.split(r"\s+OR\s+", part.strip())
        usable = [a for a in alternatives if any(kind.fullmatch(a) for kind in (OPEN, NON_COMMERCIAL, SHARE_ALIKE))]
        if not usable:
            raise LicenceError(
                f"the terms of {name} ({part.strip()}) do not say that works made from it may be passed on; ask its "
                "makers, or keep the weights to yourself"
            )
        found.append(usable[0])
    return found
