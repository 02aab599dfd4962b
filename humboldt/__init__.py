"""Foundation models for scientific data: the public verbs, each loaded when it is first used.

`import humboldt` loads nothing heavy. A verb may share its name with a folder: `humboldt.finetune` is both, and such a
folder is callable. `humboldt.finetune(model, data)` and `from humboldt.finetune import Method` hold in any order.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from humboldt.domains.pde import generate as generate

    from .adapters import load_adapter as load_adapter
    from .adapters import push_adapter as push_adapter
    from .adapters import save_adapter as save_adapter
    from .adapting import finetune as finetune
    from .adapting import pretrain as pretrain
    from .designing import design as design
    from .forecasting import predict as predict
    from .opening import open as open
    from .pretrained import from_pretrained as from_pretrained
    from .publishing import push_to_hub as push_to_hub
    from .representing import embed as embed
    from .sampling import sample as sample
    from .scoring import evaluate as evaluate

_HOME: dict[str, str] = {
    "design": "humboldt.designing",
    "embed": "humboldt.representing",
    "evaluate": "humboldt.scoring",
    "finetune": "humboldt.adapting",
    "from_pretrained": "humboldt.pretrained",
    "generate": "humboldt.domains.pde",
    "load_adapter": "humboldt.adapters",
    "open": "humboldt.opening",
    "predict": "humboldt.forecasting",
    "pretrain": "humboldt.adapting",
    "push_adapter": "humboldt.adapters",
    "push_to_hub": "humboldt.publishing",
    "sample": "humboldt.sampling",
    "save_adapter": "humboldt.adapters",
}
"""Where each public verb is written: its name, and the full name of its module."""

__all__ = ["__version__", *_HOME]


class _VerbAndFolder(ModuleType):
    """A module of the house that is called like a verb, and then is the verb."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _verb(self.__name__.rpartition(".")[2])(*args, **kwargs)


class _Door(ModuleType):
    """This package: the import system hands it each sub-module, and one that is named like a verb is made callable."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _HOME and isinstance(value, ModuleType):
            value.__class__ = _VerbAndFolder
        super().__setattr__(name, value)


def _verb(name: str) -> Any:
    return getattr(import_module(_HOME[name]), name)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'humboldt' has no attribute '{name}'; it has: {', '.join(__all__)}")
    verb = _verb(name)
    return globals().get(name, verb)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


sys.modules[__name__].__class__ = _Door
