"""Comparing units: spelled differently is the same, another power or another unit is not."""

from __future__ import annotations

import re

from .errors import DataError

ALIASES = {
    "meter": "m", "metre": "m", "meters": "m", "metres": "m",
    "second": "s", "seconds": "s", "sec": "s", "secs": "s",
    "minute": "min", "minutes": "min", "hour": "h", "hours": "h", "hr": "h", "day": "d", "days": "d",
    "kelvin": "K", "degK": "K", "pascal": "Pa", "pascals": "Pa", "kilogram": "kg", "kilograms": "kg",
    "newton": "N", "joule": "J", "watt": "W", "hertz": "Hz", "percent": "%",
    "dimensionless": "", "none": "", "unitless": "", "1": "", "-": "", "": "",
}  # fmt: skip
WRITTEN = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺μ", "0123456789-+µ")
"""Powers above the line, and the Greek letter that is written for the sign of a millionth."""
FACTOR = re.compile(r"^([A-Za-zµ%°_]+)(?:\^|\*\*)?([+-]?\d+)?$")


def parse_units(text: str) -> dict[str, int]:
    """Powers of the base symbols in a product of units: 'm/s', 'm s-1' and 'm s^-1' all give {'m': 1, 's': -1}.

    What cannot be read as such a product stands as one symbol of its own.
    """
    powers: dict[str, int] = {}
    text = text.strip().translate(WRITTEN)
    for number, side in enumerate(re.split(r"/", text)):
        for word in re.split(r"[\s.·*]+(?!\*)", side.replace("**", "^").strip()):
            symbol = ALIASES.get(word, word)
            if not symbol:
                continue
            match = FACTOR.match(symbol)
            if match is None:
                return {text: 1}
            base = ALIASES.get(match[1], match[1])
            powers[base] = powers.get(base, 0) + int(match[2] or 1) * (-1 if number else 1)
    return {base: power for base, power in powers.items() if power}


def same_units(one: str, other: str) -> bool:
    """Whether two spellings mean the same unit."""
    return parse_units(one) == parse_units(other)


def require_units(found: str, wanted: str, name: str = "variable") -> None:
    """Refuse values in other units than wanted; nothing is converted silently.

    Raises:
        DataError: the units differ.
    """
    if not same_units(found, wanted):
        raise DataError(
            f"{name} is wanted in {wanted!r}, got {found!r}; convert the values, or if only the label is wrong, "
            f"correct it with units={{{name!r}: {wanted!r}}} when the data are opened"
        )
