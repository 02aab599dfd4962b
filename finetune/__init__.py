"""How to adapt a model: methods, recipes, and the one training loop."""

from .fit import fit
from .full import Full
from .head import HeadOnly
from .interruption import EXIT, Interrupted
from .logbook import RunFolderError
from .lowrank import LoRA
from .method import METHODS, Method, method
from .mixture import Mixture
from .norms import Norms
from .plan import plan
from .recipe import FIELDS, Recipe, read_yaml, write_yaml
from .world import World, shared_out, world

__all__ = [
    "EXIT",
    "FIELDS",
    "METHODS",
    "Full",
    "HeadOnly",
    "Interrupted",
    "LoRA",
    "Method",
    "Mixture",
    "Norms",
    "Recipe",
    "RunFolderError",
    "World",
    "fit",
    "method",
    "plan",
    "read_yaml",
    "shared_out",
    "world",
    "write_yaml",
]
