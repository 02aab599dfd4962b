"""How to adapt a model: methods, recipes, and the one training loop."""

from .adapter import Adapter, HookAdapter, added_parameters, disabled, merged, set_adapters
from .adapter_file import adapter_state, put_adapter, read_adapter, write_adapter
from .catalogue import step_memory, table, trained_parameters
from .features import Featured, FeaturedBatch, features_of
from .fit import fit
from .hook import FeatureMap, Hook, TokenMap, WeightMap
from .interruption import EXIT, Interrupted
from .logbook import RunFolderError
from .method import METHODS, MergeError, Method, known_methods, method
from .methods import Full, HeadOnly, LoRA, Norms
from .mixture import Mixture
from .plan import plan
from .recipe import FIELDS, Recipe, read_yaml, write_yaml
from .world import World, shared_out, world

__all__ = [
    "EXIT",
    "FIELDS",
    "METHODS",
    "Adapter",
    "FeatureMap",
    "Featured",
    "FeaturedBatch",
    "Full",
    "HeadOnly",
    "Hook",
    "HookAdapter",
    "Interrupted",
    "LoRA",
    "MergeError",
    "Method",
    "Mixture",
    "Norms",
    "Recipe",
    "RunFolderError",
    "TokenMap",
    "WeightMap",
    "World",
    "adapter_state",
    "added_parameters",
    "disabled",
    "features_of",
    "fit",
    "known_methods",
    "merged",
    "method",
    "plan",
    "put_adapter",
    "read_adapter",
    "read_yaml",
    "set_adapters",
    "shared_out",
    "step_memory",
    "table",
    "trained_parameters",
    "world",
    "write_adapter",
    "write_yaml",
]
