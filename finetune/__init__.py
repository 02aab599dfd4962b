"""How to adapt a model: methods, recipes, and the one training loop."""

from .adapted import added_parameters, disabled, merged, set_adapters
from .adapter import Adapter, HookAdapter, with_adapters_of
from .adapter_file import adapter_state, put_adapter, read_adapter, write_adapter
from .cache import with_cache
from .catalogue import step_memory, table, trained_parameters
from .certificate import Certificate, certify
from .depth import deepened, shallower
from .features import Featured, FeaturedBatch, features_of, mean_tokens, values_of
from .fit import fit
from .hook import FeatureMap, Hook, MemoryMap, TokenMap, WeightMap
from .interruption import EXIT, Interrupted
from .lens import alignment, lens, losses_without
from .logbook import HARMLESS, RunFolderError, differences, weights_hash
from .method import METHODS, MergeError, Method, TargetError, known_methods, method
from .methods import Full, HeadOnly, LoRA, Norms
from .migration import Gate, Migration, migrate
from .mixture import Mixture
from .plan import peak_megabytes, plan
from .recipe import FIELDS, Recipe, read_yaml, write_yaml
from .transforms import readapt
from .weighted import weighted
from .world import World, shared_out, world

__all__ = [
    "EXIT",
    "FIELDS",
    "HARMLESS",
    "METHODS",
    "Adapter",
    "Certificate",
    "FeatureMap",
    "Featured",
    "FeaturedBatch",
    "Full",
    "Gate",
    "HeadOnly",
    "Hook",
    "HookAdapter",
    "Interrupted",
    "LoRA",
    "MemoryMap",
    "MergeError",
    "Method",
    "Migration",
    "Mixture",
    "Norms",
    "Recipe",
    "RunFolderError",
    "TargetError",
    "TokenMap",
    "WeightMap",
    "World",
    "adapter_state",
    "added_parameters",
    "alignment",
    "certify",
    "deepened",
    "differences",
    "disabled",
    "features_of",
    "fit",
    "known_methods",
    "lens",
    "losses_without",
    "mean_tokens",
    "merged",
    "method",
    "migrate",
    "peak_megabytes",
    "plan",
    "put_adapter",
    "read_adapter",
    "read_yaml",
    "readapt",
    "set_adapters",
    "shallower",
    "shared_out",
    "step_memory",
    "table",
    "trained_parameters",
    "values_of",
    "weighted",
    "weights_hash",
    "with_adapters_of",
    "with_cache",
    "world",
    "write_adapter",
    "write_yaml",
]
