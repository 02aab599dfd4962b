"""Low-rank updates of linear maps and their relatives, by HF peft."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from torch import nn

from humboldt.foundations import ConfigError

from ..adapter import Adapter, plain_layers
from ..layers import is_plain, matrix_shape, require_rank
from ..method import Kind


@dataclass(frozen=True, kw_only=True)
class PeftAdapter(Adapter):
    """A method of peft on the layers of any of our models."""

    kind: ClassVar[Kind] = "weights"
    layers: ClassVar[tuple[type[nn.Module], ...]] = (nn.Linear,)

    @classmethod
    def accepts(cls, layer: nn.Module) -> bool:
        """Linear maps with nothing but a weight and a bias: peft takes them from the layer and forgets the rest."""
        return isinstance(layer, cls.layers) and is_plain(layer)

    @abstractmethod
    def config(self, sites: list[str]) -> Any:
        """What peft is told."""

    def check(self, layer: nn.Module) -> None:
        """Refuse options that a layer cannot have.

        Raises:
            ConfigError: says which.
        """

    def attach(self, model: nn.Module, adapter: str) -> None:
        """Let peft wrap the layers."""
        from peft import PEFT_TYPE_TO_TUNER_MAPPING

        if getattr(model, "adapted", {}):
            raise ConfigError(
                f"{self.name} is put on a plain model, got one with the adapters {sorted(model.adapted)}; merge them, "
                "or use methods of our own together (hydra, nlt, lora_squared, bottleneck ...)"
            )
        sites = self.sites(model)
        layers = dict(plain_layers(model))
        for name in sites:
            self.check(layers[name])
        config = self.config(sites)
        PEFT_TYPE_TO_TUNER_MAPPING[config.peft_type](model, config, adapter)


@dataclass(frozen=True, kw_only=True)
class LoRA(PeftAdapter):
    """W + (alpha / r) B A with B = 0 at the start: a low-rank update of every linear map.

    Attributes:
        rank: rank of an update.
        alpha: the update is scaled by alpha / rank, or by alpha / sqrt(rank) with `rslora`.
        init: of A; those of peft that change the frozen weights are left out, for an adapter is for its base.
        rslora: rank-stabilised scaling (arXiv 2312.03732).
    """

    name: ClassVar[str] = "lora"
    source: ClassVar[str] = "arXiv 2106.09685; peft"
    rank: int = 8
    alpha: int = 16
    init: Literal["kaiming", "gaussian", "orthogonal"] = "kaiming"
    rslora: bool = False

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise ConfigError(f"the rank of an update is at least 1, got {self.rank}")

    @classmethod
    def accepts(cls, layer: nn.Module) -> bool:
        """Any linear map: its own forward is used."""
        return isinstance(layer, cls.layers)

    def check(self, layer: nn.Module) -> None:
        """The rank fits the map."""
        require_rank(self.rank, layer)

    def config(self, sites: list[str]) -> Any:
        """peft's LoRA."""
        from peft import LoraConfig

        init: Any = True if self.init == "kaiming" else self.init
        ranks = {name: self.at(name).rank for name in sites}
        alphas = {name: self.at(name).alpha for name in sites}
        return LoraConfig(
            r=self.rank, lora_alpha=self.alpha, target_modules=sites, lora_dropout=0.0, init_lora_weights=init,
            use_rslora=self.rslora, use_dora=self.decomposed(), rank_pattern=ranks, alpha_pattern=alphas,
        )  # fmt: skip

    def decomposed(self) -> bool:
        """Whether magnitudes are trained apart."""
        return False


@dataclass(frozen=True, kw_only=True)
class DoRA(LoRA):
    """m (W + (alpha / r) B A) / |W + (alpha / r) B A|: directions by LoRA, the magnitude m of every row by itself."""

    name: ClassVar[str] = "dora"
    source: ClassVar[str] = "arXiv 2402.09353; peft"
    start_tolerance: ClassVar[float] = 1e-5

    @classmethod
    def accepts(cls, layer: nn.Module) -> bool:
        """Plain linear maps: peft takes the bias apart."""
        return isinstance(layer, cls.layers) and is_plain(layer)

    def decomposed(self) -> bool:
        """Yes."""
        return True


@dataclass(frozen=True, kw_only=True)
class IA3(PeftAdapter):
    """l * (W x + b): one learned factor for every output of a map, one at the start."""

    name: ClassVar[str] = "ia3"
    source: ClassVar[str] = "arXiv 2205.05638; peft"

    def config(self, sites: list[str]) -> Any:
        """peft's IA3; its factors of inputs are left out, those of outputs say the same one layer earlier."""
        from peft import IA3Config

        return IA3Config(target_modules=sites, feedforward_modules=[])


@dataclass(frozen=True, kw_only=True)
class FourierFT(PeftAdapter):
    """W + alpha real(IFFT2(S)), S sparse with `frequencies` learned entries at random places that a seed fixes.

    Attributes:
        frequencies: learned entries a map.
        alpha: scale of the update.
        seed: of the places.
    """

    name: ClassVar[str] = "fourierft"
    source: ClassVar[str] = "arXiv 2405.03003; peft"
    frequencies: int = 64
    alpha: float = 10.0
    seed: int = 777

    def check(self, layer: nn.Module) -> None:
        """There are as many places."""
        rows, columns = matrix_shape(layer)
        if not 1 <= self.frequencies <= rows * columns:
            raise ConfigError(
                f"frequencies must be between 1 and the entries of every map, got {self.frequencies} for a map of "
                f"{rows} x {columns}; choose at most {rows * columns}"
            )

    def config(self, sites: list[str]) -> Any:
        """peft's FourierFT; entries start at zero."""
        from peft import FourierFTConfig

        return FourierFTConfig(
            n_frequency=self.frequencies, scaling=self.alpha, target_modules=sites, random_loc_seed=self.seed,
            init_weights=True,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class VeRA(PeftAdapter):
    """W + diag(d) B diag(b) A with random A and B that all maps share; only b and d are learned, d from zero.

    Attributes:
        rank: of A and B.
        seed: of A and B.
    """

    name: ClassVar[str] = "vera"
    source: ClassVar[str] = "arXiv 2310.11454; peft"
    rank: int = 64
    seed: int = 0

    def config(self, sites: list[str]) -> Any:
        """peft's VeRA; the shared matrices travel with the adapter."""
        from peft import VeraConfig

        return VeraConfig(r=self.rank, target_modules=sites, projection_prng_key=self.seed, save_projection=True)


@dataclass(frozen=True, kw_only=True)
class LoHa(PeftAdapter):
    """W + (B1 A1) * (B2 A2): an elementwise product of two low-rank matrices, of rank up to rank^2.

    Attributes:
        rank: of each factor.
        alpha: the update is scaled by alpha / rank.
    """

    name: ClassVar[str] = "loha"
    source: ClassVar[str] = "arXiv 2108.06098; peft"
    rank: int = 4
    alpha: int = 8

    def check(self, layer: nn.Module) -> None:
        """The rank fits the map."""
        require_rank(self.rank, layer)

    def config(self, sites: list[str]) -> Any:
        """peft's LoHa."""
        from peft import LoHaConfig

        return LoHaConfig(r=self.rank, alpha=self.alpha, target_modules=sites)


@dataclass(frozen=True, kw_only=True)
class LoKr(PeftAdapter):
    """W + C kron (B A): a Kronecker product with a low-rank factor.

    Attributes:
        rank: of the low-rank factor.
        alpha: the update is scaled by alpha / rank.
    """

    name: ClassVar[str] = "lokr"
    source: ClassVar[str] = "arXiv 2309.14859; peft"
    rank: int = 4
    alpha: int = 8

    def check(self, layer: nn.Module) -> None:
        """The rank fits the map."""
        require_rank(self.rank, layer)

    def config(self, sites: list[str]) -> Any:
        """peft's LoKr."""
        from peft import LoKrConfig

        return LoKrConfig(r=self.rank, alpha=self.alpha, target_modules=sites)


@dataclass(frozen=True, kw_only=True)
class HRA(PeftAdapter):
    """W H_1 ... H_r with Householder reflections H of the inputs; they come in pairs that cancel at the start.

    Attributes:
        rank: number of reflections; even, or the start is a reflection.
    """

    name: ClassVar[str] = "hra"
    source: ClassVar[str] = "arXiv 2405.17484; peft"
    start_tolerance: ClassVar[float] = 1e-5
    rank: int = 8

    def __post_init__(self) -> None:
        if self.rank < 2 or self.rank % 2:
            raise ConfigError(
                f"reflections come in pairs that cancel at the start, got rank={self.rank}; choose 2, 4 ..."
            )

    def config(self, sites: list[str]) -> Any:
        """peft's HRA."""
        from peft import HRAConfig

        return HRAConfig(r=self.rank, target_modules=sites)
