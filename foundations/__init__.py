"""The core and the contracts: one multiscale transformer, told its condition through its norms, for every science."""

from .attention import Attention
from .block import Block, DropPath, FeedForward
from .cache import Cache
from .checkpoint import (
    CheckpointError,
    content_hash,
    load_strictly,
    read_config,
    read_weights,
    require_fit,
    save,
    weight_files,
    write,
)
from .choices import choose
from .config import (
    AttentionConfig,
    BlockConfig,
    ConfigError,
    CoreConfig,
    ScaleConfig,
    from_dict,
    to_dict,
)
from .context import Context, bare, evaluating
from .contracts import Batch, Dataset, Domain, Embed, Head, Metric, Model, Prediction, Scores
from .convolutions import CONVOLUTION, convolve
from .core import Core
from .fourier import fourier_features, sinusoid, wavelengths
from .hub import HubError, Release, download, push_to_hub, upload
from .losses import plain_error, relative_error
from .memory import Memory
from .normalise import Normaliser
from .norms import TimeNorm
from .patches import PatchEmbed, PatchRecover
from .pickled import read_pickled
from .pieces import Pieces
from .plotting import MissingMatplotlibError, pyplot
from .program import Program
from .resample import GatedFeedForward, GroupedQueryAttention, Perceiver, PerceiverConfig
from .rollouts import refuse_rollout, step_of
from .scores import LabelledScores, SampleScores, Score
from .settings import load_settings
from .shards import read_files
from .spectral import FourierLayer
from .tensor_file import header, inside, read_json, require_finite
from .tensor_writer import tensors_hash, write_tensors
from .tokens import Tokens
from .units import Units

__all__ = [
    "CONVOLUTION",
    "Attention",
    "AttentionConfig",
    "Batch",
    "Block",
    "BlockConfig",
    "Cache",
    "CheckpointError",
    "ConfigError",
    "Context",
    "Core",
    "CoreConfig",
    "Dataset",
    "Domain",
    "DropPath",
    "Embed",
    "FeedForward",
    "FourierLayer",
    "GatedFeedForward",
    "GroupedQueryAttention",
    "Head",
    "HubError",
    "LabelledScores",
    "Memory",
    "Metric",
    "MissingMatplotlibError",
    "Model",
    "Normaliser",
    "PatchEmbed",
    "PatchRecover",
    "Perceiver",
    "PerceiverConfig",
    "Pieces",
    "Prediction",
    "Program",
    "Release",
    "SampleScores",
    "ScaleConfig",
    "Score",
    "Scores",
    "TimeNorm",
    "Tokens",
    "Units",
    "bare",
    "choose",
    "content_hash",
    "convolve",
    "download",
    "evaluating",
    "fourier_features",
    "from_dict",
    "header",
    "inside",
    "load_settings",
    "load_strictly",
    "plain_error",
    "push_to_hub",
    "pyplot",
    "read_config",
    "read_files",
    "read_json",
    "read_pickled",
    "read_weights",
    "refuse_rollout",
    "relative_error",
    "require_finite",
    "require_fit",
    "save",
    "sinusoid",
    "step_of",
    "tensors_hash",
    "to_dict",
    "upload",
    "wavelengths",
    "weight_files",
    "write",
    "write_tensors",
]
