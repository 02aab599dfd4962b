"""The methods, one mechanism a file; importing this folder registers them all."""

from .adalora import AdaLoRA
from .aft import AFT
from .bank import Bank
from .boft import BOFT
from .bottleneck import BottleneckAdapter
from .c3a import C3A
from .cma import CMA
from .conv_adapter import ConvAdapter
from .decoder import Decoder
from .f_adapter import FAdapter
from .fourierft import FourierFT
from .from_data import EVA, CorDA, LoRAGA
from .full import Full
from .glora import GLoRA
from .head import HeadOnly
from .hra import HRA
from .hydra import Hydra
from .ia3 import IA3
from .lae import LAE
from .layerwise import LayerWise
from .learngene import Learngene
from .loha import LoHa
from .lokr import LoKr
from .lora import DoRA, LoRA
from .lora_squared import LoRASquared
from .masks import FisherMask, SparseMask
from .matryoshka import Matryoshka
from .moelora import MoELoRA
from .nlt import NLT
from .norms import Norms
from .oft import OFT
from .osf import OSF
from .parameters import Parameters
from .patch_scales import PatchScales
from .pha import PHA
from .physics import PhysicsResidual
from .pissa import PiSSA
from .poly import Poly
from .prior import PriorDistillation
from .prompts import PrefixTuning, PromptTuning
from .regimes import RegimeAdapter
from .rna import RNA
from .rollout_lora import RolloutLoRA
from .shira import SHiRA
from .tail_drop import TailDrop
from .tape import TapeAdapter
from .taps import TAPS
from .token_budget import TokenBudget
from .vera import VeRA
from .waveft import WaveFT

__all__ = [
    "AFT",
    "BOFT",
    "C3A",
    "CMA",
    "EVA",
    "HRA",
    "IA3",
    "LAE",
    "NLT",
    "OFT",
    "OSF",
    "PHA",
    "RNA",
    "TAPS",
    "AdaLoRA",
    "Bank",
    "BottleneckAdapter",
    "ConvAdapter",
    "CorDA",
    "Decoder",
    "DoRA",
    "FAdapter",
    "FisherMask",
    "FourierFT",
    "Full",
    "GLoRA",
    "HeadOnly",
    "Hydra",
    "LayerWise",
    "Learngene",
    "LoHa",
    "LoKr",
    "LoRA",
    "LoRAGA",
    "LoRASquared",
    "Matryoshka",
    "MoELoRA",
    "Norms",
    "Parameters",
    "PatchScales",
    "PhysicsResidual",
    "PiSSA",
    "Poly",
    "PrefixTuning",
    "PriorDistillation",
    "PromptTuning",
    "RegimeAdapter",
    "RolloutLoRA",
    "SHiRA",
    "SparseMask",
    "TailDrop",
    "TapeAdapter",
    "TokenBudget",
    "VeRA",
    "WaveFT",
]
