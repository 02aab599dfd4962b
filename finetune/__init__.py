"""How to adapt a model: methods, recipes, and the one training loop."""

from .fit import fit
from .full import Full
from .head import HeadOnly
from .logbook import RunFolderError
from .lowrank import LoRA
from .method import METHODS, Method, method
from .mixture import Mixture
from .norms import Norms
from .plan import plan
from .recipe import FIELDS, Recipe, read_yaml, write_yaml

__all__ = [
    "FIELDS",
    "METHODS",
    "Full",
    "HeadOnly",
    "LoRA",
    "Method",
    "Mixture",
    "Norms",
    "Recipe",
    "RunFolderError",
    "fit",
    "method",
    "plan",
    "read_yaml",
    "write_yaml",
]
