"""The methods, one mechanism a file; importing this folder registers them all."""

from .aft import AFT
from .bottleneck import BottleneckAdapter
from .conv_adapter import ConvAdapter
from .f_adapter import FAdapter
from .full import Full
from .head import HeadOnly
from .hydra import Hydra
from .lae import LAE
from .layerwise import LayerWise
from .lora import HRA, IA3, DoRA, FourierFT, LoHa, LoKr, LoRA, VeRA
from .lora_squared import LoRASquared
from .masks import FisherMask, SparseMask
from .moelora import MoELoRA
from .nlt import NLT
from .norms import Norms
from .oft import OFT
from .regimes import RegimeAdapter
from .rollout_lora import RolloutLoRA
from .taps import TAPS

__all__ = [
    "AFT",
    "HRA",
    "IA3",
    "LAE",
    "NLT",
    "OFT",
    "TAPS",
    "BottleneckAdapter",
    "ConvAdapter",
    "DoRA",
    "FAdapter",
    "FisherMask",
    "FourierFT",
    "Full",
    "HeadOnly",
    "Hydra",
    "LayerWise",
    "LoHa",
    "LoKr",
    "LoRA",
    "LoRASquared",
    "MoELoRA",
    "Norms",
    "RegimeAdapter",
    "RolloutLoRA",
    "SparseMask",
    "VeRA",
]
