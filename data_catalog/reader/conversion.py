"""What happens to values on their way from a chunk into the batch: decoding of CF attributes, units, normalisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ..errors import DataError

CF_WORDS = ("scale_factor", "add_offset", "_FillValue", "missing_value", "_Unsigned")


@runtime_checkable
class Converts(Protocol):
    """What values go through on their way."""

    def apply(self, values: np.ndarray, out: np.ndarray) -> None:
        """Fill `out` with the converted values; both of one shape."""


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """y = (x - shift) factor, and NaN where x is one of `missing`.

    Values are shifted first, in the type of `out`: of two large numbers whose difference is small nothing is lost.

    Attributes:
        shift, factor: of the values as they are stored.
        missing: stored values that stand for none.
        unsigned: integers are read without their sign (the attribute `_Unsigned` of NetCDF-3).
    """

    shift: float = 0.0
    factor: float = 1.0
    missing: tuple[float | int, ...] = ()
    unsigned: bool = False

    @property
    def identity(self) -> bool:
        """Whether nothing happens."""
        return self == Conversion()

    def then(self, *, shift: float = 0.0, factor: float = 1.0) -> Conversion:
        """This conversion, and after it (y - shift) factor: for units, or for mean and deviation."""
        return replace(self, shift=self.shift + shift / self.factor, factor=self.factor * factor)

    def apply(self, values: np.ndarray, out: np.ndarray) -> None:
        """Fill `out` with the converted values; both of one shape, and they may be the same memory."""
        if self.unsigned and values.dtype.kind == "i":
            values = values.view(values.dtype.str.replace("i", "u"))
        absent = [values == value for value in self.missing] if self.missing else ()
        shift, factor, alone = scalars(self.shift, self.factor, values.dtype, out.dtype)
        if shift is not None:
            np.subtract(values, shift, out=out, casting="unsafe")
            if factor is not None:
                np.multiply(out, factor, out=out)
        elif alone is not None:
            np.multiply(values, alone, out=out, casting="unsafe")
        elif values is not out:
            out[...] = values
        for where in absent:
            if where.any():
                out[where] = np.nan


class Counted:
    """A conversion that counts the finite values that come out, while the processor still holds them.

    From two threads at once a count can be lost, never gained.
    """

    def __init__(self, conversion: Conversion) -> None:
        self.conversion, self.finite = conversion, 0

    def apply(self, values: np.ndarray, out: np.ndarray) -> None:
        """See `Converts.apply`."""
        self.conversion.apply(values, out)
        if np.isfinite(out).all():
            self.finite += out.size


@lru_cache(maxsize=256)
def scalars(shift: float, factor: float, stored: np.dtype, wanted: np.dtype) -> tuple[Any, Any, Any]:
    """What is subtracted from stored values, what the difference is multiplied by, and what they are multiplied by if
    nothing is subtracted; None for what changes nothing."""
    kind = wide_enough(stored, wanted)
    scales = factor != 1
    return kind(shift) if shift else None, wanted.type(factor) if scales else None, kind(factor) if scales else None


def wide_enough(stored: np.dtype, wanted: np.dtype) -> type:
    """The type of number in which stored values are shifted: double where that of the batch cannot hold them."""
    wide = stored.itemsize > wanted.itemsize or (stored.kind != "f" and stored.itemsize > 2)
    return np.float64 if wide else wanted.type


def cf_conversion(said: Mapping[str, Any], dtype: np.dtype) -> Conversion:
    """What CF attributes ask for: x scale_factor + add_offset, and NaN for `_FillValue` and `missing_value`.

    said: the attributes, or the encoding of an opened xarray variable; dtype: of the stored values.

    Raises:
        DataError: a scale factor that is 0 or no number.
    """
    factor, offset = float(said.get("scale_factor", 1.0)), float(said.get("add_offset", 0.0))
    if not np.isfinite([factor, offset]).all() or factor == 0:
        raise DataError(
            f"scale_factor and add_offset are finite and the factor is not 0, got {factor} and {offset}; correct them"
        )
    values = [v for word in ("_FillValue", "missing_value") if word in said for v in np.ravel(said[word])]
    unsigned = str(said.get("_Unsigned", "false")).lower() == "true" and dtype.kind == "i"
    read = dtype.newbyteorder("=") if not unsigned else np.dtype(f"u{dtype.itemsize}")
    possible = [v for v in values if read.kind == "f" or float(v).is_integer()]
    known = {np.asarray(v).astype(read).item() for v in possible}
    missing = tuple(sorted(v for v in known if v == v))  # NaN stands for itself
    return Conversion(shift=0.0 - offset / factor, factor=factor, missing=missing, unsigned=unsigned)
