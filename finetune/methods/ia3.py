"""A factor for every output of a map (IA3, arXiv 2205.05638), by HF peft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from ..peft_adapter import PeftAdapter


@dataclass(frozen=True, kw_only=True)
class IA3(PeftAdapter):
    """l * (W x + b): one learned factor for every output of a map, one at the start."""

    name: ClassVar[str] = "ia3"
    source: ClassVar[str] = "arXiv 2205.05638; peft"

    def config(self, sites: list[str]) -> Any:
        """peft's IA3; its factors of inputs are left out, those of outputs say the same one layer earlier."""
        from peft import IA3Config

        return IA3Config(target_modules=sites, feedforward_modules=[])
