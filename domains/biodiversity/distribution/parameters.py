"""Constructor arguments by name, as scikit-learn copies and searches them."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

from humboldt.data_catalog import DataError, did_you_mean

P = TypeVar("P", bound="Parameters")


class Parameters:
    """What `sklearn.base.clone`, pipelines and searches ask of an estimator; every argument is kept under its name."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments and their values."""
        return {
            name: getattr(self, name) for name in inspect.signature(type(self).__init__).parameters if name != "self"
        }

    def set_params(self: P, **changes: Any) -> P:
        """The same estimator with other arguments, to be fitted again.

        Raises:
            DataError: an argument that the constructor does not have.
        """
        known = self.get_params()
        for name, value in changes.items():
            if name not in known:
                raise DataError(f"parameters are {list(known)}, got {name!r}{did_you_mean(name, list(known))}")
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        default = inspect.signature(type(self).__init__).parameters
        said = [f"{n}={v!r}" for n, v in self.get_params().items() if v is not default[n].default]
        return f"{type(self).__name__}({', '.join(said)})"
