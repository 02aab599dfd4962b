"""A bank of trained adapters on one frozen trunk, and weights for them (ViM; SA-MDKIF, arXiv 2402.00204)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from humboldt.foundations import CheckpointError, ConfigError, Context, Model

from ..adapted import M, base_of, hooks
from ..adapter import HookAdapter
from ..adapter_file import TENSORS, base_hash, read_adapter, trunk_of
from ..hook import FeatureMap, Hook, WeightMap
from ..method import Kind, method


class LowRank(FeatureMap):
    """y + s B A x: what peft's LoRA adds, read from its file."""

    def __init__(self, a: Float[Tensor, "r i"], b: Float[Tensor, "o r"], scale: float) -> None:
        super().__init__()
        self.a, self.b, self.scale = nn.Parameter(a), nn.Parameter(b), scale

    def features(self, x: Float[Tensor, "b *i"], y: Float[Tensor, "b *o"], context: Context) -> Float[Tensor, "b *o"]:
        """The output with the update's."""
        return y + self.scale * (x @ self.a.mT @ self.b.mT)

    def direction(self) -> Float[Tensor, " i"]:
        """The input that the update answers most: its first right singular vector."""
        r = torch.linalg.qr(self.b, mode="r").R
        return torch.linalg.svd(r @ self.a, full_matrices=False).Vh[0]


class Skills(FeatureMap):
    """y + sum_m a_m (f_m(x) - y), f_m(x) what the layer puts out with member m; the members are frozen.

    a = w (one a member, zero at the start, or softmax(w)), a = W e + w of the sample's mean token e (a router, zero at
    the start), or for every token the softmax of |x . v_m| (arrow, arXiv 2405.11157; nothing is learned).
    """

    directions: Tensor

    def __init__(self, layer: nn.Module, members: list[Hook | None], way: Bank) -> None:
        super().__init__()
        self.layer, self.way = [layer], way  # in a list: it is no part of the hook
        there = {str(number): made for number, made in enumerate(members) if made is not None}
        self.members = nn.ModuleDict(there)
        self.members.requires_grad_(False)
        if way.weights == "arrow":
            self.register_buffer("directions", torch.stack([_direction(made) for made in there.values()]))
        else:
            self.w = nn.Parameter(torch.zeros(len(there)))
        self.router: nn.Linear | None = None

    def train(self, mode: bool = True) -> Skills:
        """Members stay as they serve: without chance, without terms of the loss."""
        super().train(mode)
        self.members.eval()
        return self

    def route(self, width: int) -> None:
        """Let a sample choose by its mean token of this width."""
        self.router = nn.Linear(width, len(self.members), bias=False)
        nn.init.zeros_(self.router.weight)

    def features(self, x: Float[Tensor, "b *i"], y: Float[Tensor, "b *o"], context: Context) -> Float[Tensor, "b *o"]:
        """The output with the members', weighted."""
        share = self.shares(x, context)
        out = (1 - share.sum(-1, keepdim=True)) * y  # so that a member of weight 1 is met bit for bit
        for place, made in enumerate(self.members.values()):
            out = out + share[..., place : place + 1] * self.output(made, x, y, context)
        return out

    def shares(self, x: Float[Tensor, "b *i"], context: Context) -> Tensor:
        """The weight of every member, alike for all, for a sample, or for a token; the last axis is members."""
        if self.way.weights == "arrow":
            return (x @ self.directions.to(x.dtype).mT).abs().softmax(-1)
        if self.way.weights == "softmax":
            return self.w.softmax(-1)
        if self.router is None:
            return self.w
        instance = context.need("instance", "the router of a bank").to(x.dtype)
        share: Tensor = self.router(instance) + self.w
        return share.view(len(x), *(1 for _ in x.shape[1:-1]), -1)

    def output(self, made: nn.Module, x: Tensor, y: Tensor, context: Context) -> Tensor:
        """What the layer puts out with one member alone."""
        if isinstance(made, WeightMap):
            layer = self.layer[0]
            out: Tensor = functional_call(layer, made.weights(dict(layer.named_parameters()), context), (x,))
            return out
        assert isinstance(made, FeatureMap)
        return made.features(x, y, context)


def _direction(made: Hook) -> Tensor:
    if not isinstance(made, LowRank):
        raise ConfigError(f"arrow routes between members of lora, got a {type(made).__name__}; use weights='router'")
    return made.direction()


@dataclass(frozen=True, kw_only=True)
class Bank(HookAdapter):
    """y + sum_m a_m (f_m(x) - y): adapters that were trained one by one, mixed by learned weights; they stay frozen.

    Attributes:
        members: adapter folders, of one base, of methods that map weights or features of single layers.
        weights: `free` a weight a member and layer, zero at the start; `softmax` of these, equal at the start; `router`
            weights that a sample chooses by its mean token; `arrow` those that a token chooses by itself (for lora).
    """

    name: ClassVar[str] = "bank"
    trains: ClassVar[str] = "weights of members"
    kind: ClassVar[Kind] = "features"
    source: ClassVar[str] = "ViM (vision middleware); arXiv 2402.00204, 2405.11157"
    mergeable: ClassVar[bool] = False
    layers: ClassVar[tuple[type[nn.Module], ...]] = (nn.Module,)
    targets: str = ".*"
    members: tuple[str, ...] = ()
    weights: Literal["free", "softmax", "router", "arrow"] = "free"

    def hook(self, layer: nn.Module) -> Hook:
        """Members belong to places, see `hook_at`.

        Raises:
            ConfigError: always.
        """
        raise ConfigError("a bank has members at layers with a name, got a layer alone; prepare a model instead")

    def hook_at(self, name: str, layer: nn.Module) -> Skills:
        """The members of a layer."""
        return Skills(layer, [member_at(Path(folder), name, layer) for folder in self.members], self)

    def sites(self, model: nn.Module) -> list[str]:
        """Where one of the members is.

        Raises:
            ConfigError: there are no members, or their layers lie inside of each other.
        """
        if not self.members:
            raise ConfigError("a bank has a member at least, got members=(); give folders of trained adapters")
        found: dict[str, None] = {}
        for folder in self.members:
            found |= dict.fromkeys(places(Path(folder)))
        if inner := [(a, b) for a in found for b in found if b.startswith(f"{a}.")]:
            raise ConfigError(
                f"members of a bank share layers, got one inside of another: {inner[0]}; give members of one method"
            )
        return list(found)

    def prepare(self, model: M, adapter: str = "default") -> M:
        """Attach and freeze, on the trunk of all members.

        Raises:
            CheckpointError: a member is of another base.
        """
        for folder in self.members:
            require_base(Path(folder), model)
        return super().prepare(model, adapter)

    def rebuild(self, model: M, adapter: str = "default") -> M:
        """Members give the structure, whatever the trunk's weights are so far; their folders must be there."""
        return super().prepare(model, adapter)

    def attach(self, model: Any, adapter: str) -> None:
        """Members and weights; a router learns the width of a sample's mean token.

        Raises:
            ConfigError: a router in a core whose tokens see only what came before.
        """
        super().attach(model, adapter)
        if self.weights != "router":
            return
        scale = base_of(model.core).config.scales[0]
        if any(block.attention.causal for block in (*scale.down, *scale.up)):
            raise ConfigError("a router looks at whole samples, got a causal core; use weights='free'")
        for hook in hooks(model):
            if isinstance(hook, Skills) and hook.router is None:
                hook.route(scale.width)

    def on_gradients(self, model: Model, step: int, length: int) -> None:
        """Members do not follow the run."""

    def on_step(self, model: Model, step: int, length: int) -> None:
        """Members do not follow the run."""

    def freeze(self, model: M, adapter: str) -> M:
        """The members stay as they are."""
        model = super().freeze(model, adapter)
        for hook in hooks(model):
            if isinstance(hook, Skills):
                hook.members.requires_grad_(False)
        return model


@lru_cache(maxsize=64)
def _read(folder: Path, changed: int) -> tuple[dict[str, Any], dict[str, Tensor]]:
    return read_adapter(folder)


def member(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The record and the tensors of a member, read once."""
    file = folder / TENSORS
    return _read(folder, file.stat().st_mtime_ns if file.is_file() else 0)


def places(folder: Path) -> list[str]:
    """Names of the layers that a member adapts."""
    _, state = member(folder)
    found = (re.match(r"(.+)\.(hooks|lora_A)\.default", key) for key in state)
    return list(dict.fromkeys(match.group(1) for match in found if match))


def require_base(folder: Path, model: nn.Module) -> None:
    """Refuse a member of another base.

    Raises:
        CheckpointError: says which.
    """
    record, state = member(folder)
    if (found := base_hash(trunk_of(model, state))) != record["base"]["sha256"]:
        raise CheckpointError(
            f"members of a bank fit its trunk, {folder} was trained on {record['base']['sha256'][:16]}..., this one is "
            f"{found[:16]}...; take adapters of this model"
        )


def member_at(folder: Path, name: str, layer: nn.Module) -> Hook | None:
    """What a member has put at a layer, frozen; None if it has nothing there.

    Raises:
        ConfigError: a method that is no map of weights or features of single layers.
    """
    if name not in places(folder):
        return None
    record, state = member(folder)
    way = method(**record["method"])
    if way.name == "lora":
        options: Any = way.at(name)  # type: ignore[attr-defined]
        scale = options.alpha / (options.rank**0.5 if options.rslora else options.rank)
        a, b = (state[f"{name}.lora_{which}.default.weight"] for which in "AB")
        if a.dim() > 2:
            raise ConfigError(
                f"members of lora in a bank stand at linear maps, got the convolution {name}; leave it out"
            )
        return LowRank(a, b, scale)
    if not isinstance(way, HookAdapter) or type(way).join is not HookAdapter.join:
        raise ConfigError(f"members of a bank stand at single layers, got {way.name} in {folder}; leave it out")
    hook = way.at(name).hook(layer)
    prefix = f"{name}.hooks.default."
    hook.load_state_dict({key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)})
    if not isinstance(hook, WeightMap | FeatureMap):
        raise ConfigError(f"members of a bank map weights or features, got {way.name} in {folder}; leave it out")
    return hook
