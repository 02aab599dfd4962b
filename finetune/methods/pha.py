"""Bottlenecks that one network makes from a vector a task (prototype-based hyper-adapter, arXiv 2310.11670)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Integer
from torch import Tensor, nn

from humboldt.foundations import Block, ConfigError, Context, Model

from ..adapted import M, hooks
from ..adapter import BLOCKS, HookAdapter
from ..hook import FeatureMap, Hook
from ..layers import finest, width_of
from ..method import Kind
from ..objectives import contrast, prototype_contrast
from ..tasks import tasks_of
from .bottleneck import Bottleneck


class Generator(nn.Module):
    """Weights of a bottleneck from a prototype p_t and the code c_l of a layer, and a retriever z of a sample.

    h = norm(W_2 relu(W_1 [p_t; c_l])) and linear maps of h to D, d, U and u; those to U and u are zero at the start.
    z = W_4 relu(W_3 e) of the mean token e, which finds the nearest prototype where nobody tells the task.
    """

    def __init__(self, width: int, way: PHA) -> None:
        super().__init__()
        self.way, code, narrow = way, way.code, way.narrow
        self.prototypes = nn.Parameter(torch.randn(way.tasks, code))
        self.inner = nn.Sequential(
            nn.Linear(2 * code, 2 * code), nn.ReLU(), nn.Linear(2 * code, code), nn.LayerNorm(code)
        )
        self.down, self.down_bias = nn.Linear(code, narrow * width), nn.Linear(code, narrow)
        self.up, self.up_bias = nn.Linear(code, width * narrow), nn.Linear(code, width)
        for head in (self.up, self.up_bias):
            nn.init.zeros_(head.weight), nn.init.zeros_(head.bias)
        nn.init.normal_(self.down.weight, std=(code * width) ** -0.5)
        self.retriever = nn.Sequential(nn.Linear(width, code), nn.ReLU(), nn.Linear(code, code))

    def nearest(self, instance: Float[Tensor, "b d"]) -> Integer[Tensor, " b"]:
        """The task whose prototype is nearest to what the retriever makes of a sample."""
        z, p = F.normalize(self.retriever(instance), dim=-1), F.normalize(self.prototypes, dim=-1)
        return (z @ p.mT).argmax(-1)

    def apart(self, instance: Float[Tensor, "b d"], task: Integer[Tensor, " b"]) -> Float[Tensor, ""]:
        """Samples of a task near each other and near its prototype."""
        z, t = self.retriever(instance), self.way.temperature
        return contrast(z, task, t) + prototype_contrast(z, self.prototypes, task, t)

    def apply_to(
        self, x: Float[Tensor, "b *grid d"], task: Integer[Tensor, " b"], code: Float[Tensor, " c"]
    ) -> Float[Tensor, "b *grid d"]:
        """U gelu(D x + d) + u, with every sample's own weights; made once a task."""
        there, which = task.unique(return_inverse=True)
        h = self.inner(torch.cat([self.prototypes[there], code.expand(len(there), -1)], dim=-1))
        down, up = self.down(h).unflatten(-1, (self.way.narrow, -1)), self.up(h).unflatten(-1, (-1, self.way.narrow))
        rows = x.flatten(1, -2)
        inner = F.gelu(rows @ down[which].mT + self.down_bias(h)[which][:, None])
        return (inner @ up[which].mT + self.up_bias(h)[which][:, None]).view_as(x)


class Generated(FeatureMap):
    """y + what the generator's bottleneck for this layer and the sample's task adds."""

    reads = ("task",)

    def __init__(self, width: int, way: PHA) -> None:
        super().__init__()
        self.way = way
        self.code = nn.Parameter(torch.randn(way.code))
        self.owner: list[Generated] = []  # in a list: it is no part of the hook
        self.own: Generator | None = Generator(width, way)

    @property
    def generator(self) -> Generator:
        """The one of all layers."""
        found = self.owner[0].own if self.owner else self.own
        assert found is not None
        return found

    def features(
        self, x: Float[Tensor, "b *grid d"], y: Float[Tensor, "b *grid d"], context: Context
    ) -> Float[Tensor, "b *grid d"]:
        """The output with the bottleneck's."""
        instance = context.need("instance", "pha").detach().to(x.dtype)
        if context.task is None and not self.training:
            task = self.generator.nearest(instance)
        else:
            task = tasks_of(context, len(x), self.way.tasks, "pha", x.device)
        if self.training and not self.owner:
            context.losses["prototypes"] = self.way.apart * self.generator.apart(instance, task)
        return y + self.generator.apply_to(x, task, self.code)


@dataclass(frozen=True, kw_only=True)
class PHA(HookAdapter):
    """y + U_t gelu(D_t x): one network makes the bottlenecks of all blocks from a prototype of every task t.

    Tasks (data sets, regions, sensors) are numbered: batches carry them (`Featured(data, task=...)`), or they are told
    (`model.context.at(task=1)`); where neither is, a trained model takes the nearest prototype. For one more task set
    `train="prototypes"`: a vector is all that is learned.

    Published: narrow 64, code 64, both weights and the temperature 0.1, at 3e-4.

    Attributes:
        tasks: room for so many.
        narrow: width of a bottleneck.
        code: width of prototypes and codes of layers.
        apart: weight of the terms that keep tasks apart.
        temperature: of these.
        train: all, or the prototypes alone.
    """

    name: ClassVar[str] = "pha"
    kind: ClassVar[Kind] = "features"
    source: ClassVar[str] = "arXiv 2310.11670"
    mergeable: ClassVar[bool] = False
    layers: ClassVar[tuple[type[nn.Module], ...]] = (Block,)
    targets: str = BLOCKS
    tasks: int = 4
    narrow: int = 8
    code: int = 32
    apart: float = 0.1
    temperature: float = 0.1
    train: Literal["all", "prototypes"] = "all"

    def __post_init__(self) -> None:
        if self.tasks < 1 or self.narrow < 1 or self.code < 1:
            raise ConfigError(f"there is a task at least, got tasks={self.tasks}, narrow={self.narrow}, {self.code=}")
        if self.temperature <= 0:
            raise ConfigError(f"a temperature is positive, got temperature={self.temperature}; the default is 0.1")

    @classmethod
    def accepts(cls, layer: nn.Module) -> bool:
        """Blocks that look both ways: the retriever sees the whole sample."""
        return isinstance(layer, Block) and not layer.config.attention.causal

    def sites(self, model: nn.Module) -> list[str]:
        """Blocks of the finest scale: one network makes weights of one width."""
        return finest(model, super().sites(model))

    def hook(self, layer: nn.Module) -> Generated:
        """The place of a bottleneck."""
        return Generated(width_of(layer), self)

    def join(self, hooks: list[Hook]) -> None:
        """All have the generator of the first."""
        first, *others = hooks
        for other in others:
            assert isinstance(first, Generated)
            assert isinstance(other, Generated)
            other.owner, other.own = [first], None

    def freeze(self, model: M, adapter: str) -> M:
        """As ever, or the prototypes alone."""
        model = super().freeze(model, adapter)
        if self.train == "prototypes":
            free = {id(h.own.prototypes) for h in hooks(model) if isinstance(h, Generated) and h.own is not None}
            for parameter in model.parameters():
                parameter.requires_grad_(id(parameter) in free)
        return model


def new_prototype(model: Model, task: int, instances: Float[Tensor, "n d"]) -> None:
    """Let a new task begin at the prototype that is nearest to some of its samples' mean tokens, in place."""
    for hook in hooks(model):
        if isinstance(hook, Generated) and hook.own is not None:
            with torch.no_grad():
                near = int(hook.own.nearest(instances.mean(0, keepdim=True))[0])
                hook.own.prototypes[task] = hook.own.prototypes[near]


@torch.no_grad()
def materialised(hook: Generated, task: int) -> Bottleneck:
    """The bottleneck of one task at one layer by itself, which needs no generator any more."""
    generator = hook.generator
    h = generator.inner(torch.cat([generator.prototypes[task], hook.code]))
    narrow = generator.way.narrow
    made = Bottleneck(generator.up_bias.out_features, narrow, "parallel", 1.0)
    made.down.weight.copy_(generator.down(h).view(narrow, -1)), made.down.bias.copy_(generator.down_bias(h))
    made.up.weight.copy_(generator.up(h).view(-1, narrow)), made.up.bias.copy_(generator.up_bias(h))
    return made
