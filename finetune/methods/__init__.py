"""The methods, one mechanism a file; importing this folder registers them all."""

from .bottleneck import BottleneckAdapter
from .full import Full
from .head import HeadOnly
from .hydra import Hydra
from .lora import HRA, IA3, DoRA, FourierFT, LoHa, LoKr, LoRA, VeRA
from .nlt import NLT
from .norms import Norms
from .oft import OFT

__all__ = [
    "HRA",
    "IA3",
    "NLT",
    "OFT",
    "BottleneckAdapter",
    "DoRA",
    "FourierFT",
    "Full",
    "HeadOnly",
    "Hydra",
    "LoHa",
    "LoKr",
    "LoRA",
    "Norms",
    "VeRA",
]
