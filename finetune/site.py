"""One wrapper for every layer and every hook, and its registration as a tuner of HF peft.

What peft does for its own layers (several adapters, switching, disabling, merging, saving in its format) it does for a
`Site`. An outside tuner enters three dictionaries, which are public names of peft but no promise of it; a test pins
what is used here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import torch
from peft import (
    PEFT_TYPE_TO_CONFIG_MAPPING,
    PEFT_TYPE_TO_TUNER_MAPPING,
    PeftConfig,
    inject_adapter_in_model,
)
from peft.mapping import PEFT_TYPE_TO_PREFIX_MAPPING
from peft.tuners.tuners_utils import BaseTuner, BaseTunerLayer
from torch import Tensor, nn
from torch.func import functional_call

from humboldt.foundations import ConfigError, Context, Tokens

from .adapted import base_of
from .adapter import HookAdapter
from .hook import FeatureMap, Hook, MemoryMap, TokenMap, WeightMap
from .method import MergeError, method

TUNER: Any = "HUMBOLDT"  # peft knows its own tuners by an enumeration of strings


class Site(nn.Module, BaseTunerLayer):
    """A layer of a model with what adapters have put around it.

    Its attributes that a site does not have are those of the layer; a parameter that is read from outside
    (`site.weight`) is the mapped one, so that code which takes weights instead of calling a layer is adapted too.

    Args:
        base_layer: the layer, which stays as it is.
        name: its dotted name.
        context: of the model.
    """

    adapter_layer_names = ("hooks",)

    def __init__(self, base_layer: nn.Module, name: str, context: Context) -> None:
        super().__init__()
        self.base_layer, self.name, self.context = base_layer, name, context
        self.hooks = nn.ModuleDict()
        self.merged_adapters: list[str] = []
        self.before_merging: dict[str, Tensor] = {}
        self._active_adapter: list[str] = []

    def put(self, adapter: str, hook: Hook) -> None:
        """Attach a hook under the name of an adapter, where the layer is and in float32 at least.

        Raises:
            ConfigError: it cannot share the site with what is there.
        """
        hook.site = self.name
        both: list[Any] = [hook, *(h for key, h in self.hooks.items() if key != adapter)]
        if len(both) > 1 and not all(h.composes for h in both):
            raise ConfigError(
                f"adapters share a site only if all of them compose, got {[type(h).__name__ for h in both]} at "
                f"{self.name}; merge the first adapter before adding the second, or give them different targets"
            )
        for own in self.base_layer.parameters():
            hook.to(own.device, _exact(own.detach().real).dtype)
            break
        self.hooks[adapter] = hook
        self._active_adapter = [*(a for a in self._active_adapter if a != adapter), adapter]

    def active_hooks(self) -> list[Hook]:
        """In the order in which they act."""
        if self._disable_adapters:
            return []
        names = [a for a in self.active_adapters if a in self.hooks and a not in self.merged_adapters]
        return [self.hooks[name] for name in names]  # type: ignore[misc]

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """The layer, with the tokens, the weights and the features that the hooks make."""
        hooks = self.active_hooks()
        if not hooks:
            return self.base_layer(*inputs, **named)
        context = self.context
        tokens: list[tuple[TokenMap, Tokens]] = []
        for hook in hooks:
            if isinstance(hook, TokenMap):
                tokens.append((hook, inputs[0]))
                inputs = (hook.before(inputs[0], context), *inputs[1:])
        if memory := tuple(h.memory(_exact(inputs[0]), context) for h in hooks if isinstance(h, MemoryMap)):
            named = {**named, "memory": memory}
        mapped = self.mapped([h for h in hooks if isinstance(h, WeightMap)])
        out = functional_call(self.base_layer, mapped, inputs, named) if mapped else self.base_layer(*inputs, **named)
        for hook in hooks:
            if isinstance(hook, FeatureMap):
                if isinstance(out, Tokens):
                    out = out.with_x(self._features(hook, inputs[0].x, out.x))
                else:
                    out = self._features(hook, inputs[0], out)
        for hook, before in reversed(tokens):
            out = hook.after(before, out, context)
        return out

    def _features(self, hook: FeatureMap, x: Tensor, y: Tensor) -> Tensor:
        return hook.features(_exact(x), _exact(y), self.context).to(y.dtype)

    def mapped(self, maps: list[WeightMap]) -> dict[str, Tensor]:
        """The weights that change, in the type of the layer's own; maps act one after the other."""
        if not maps:
            return {}
        own = dict(self.base_layer.named_parameters())
        exact = {name: _exact(p) for name, p in own.items()}
        found: dict[str, Tensor] = {}
        for hook in maps:
            found |= hook.weights({**exact, **found}, self.context)
        return {name: value.to(own[name].dtype) for name, value in found.items()}

    def merge(self, safe_merge: bool = False, adapter_names: list[str] | None = None) -> None:
        """Write the mapped weights into the layer; what was there is kept for `unmerge`.

        Raises:
            MergeError: a hook here is no map of weights alone; names the site and the hook.
        """
        names = [a for a in adapter_names or self.active_adapters if a in self.hooks and a not in self.merged_adapters]
        maps: list[WeightMap] = []
        for name in names:
            hook = self.hooks[name]
            if not isinstance(hook, WeightMap) or hook.reads:
                raise MergeError(
                    f"only maps of weights that read nothing of the forward pass can be merged, got "
                    f"{type(hook).__name__} at {self.name}; keep the adapter as it is (save_adapter)"
                )
            maps.append(hook)
        with torch.no_grad():
            own = dict(self.base_layer.named_parameters())
            for key, value in self.mapped(maps).items():
                self.before_merging.setdefault(key, own[key].detach().clone())
                own[key].copy_(value)
        self.merged_adapters = [*self.merged_adapters, *names]

    @torch.no_grad()
    def unmerge(self) -> None:
        """The layer as it was, bit for bit."""
        own = dict(self.base_layer.named_parameters())
        for key, value in self.before_merging.items():
            own[key].copy_(value)
        self.before_merging, self.merged_adapters = {}, []

    @property
    def weight(self) -> Tensor:
        """The layer's weight as the maps make it."""
        return self._parameter("weight")

    @property
    def bias(self) -> Tensor | None:  # type: ignore[override]
        """The layer's bias as the maps make it."""
        return None if self.base_layer.bias is None else self._parameter("bias")

    def _parameter(self, name: str) -> Tensor:
        maps = [h for h in self.active_hooks() if isinstance(h, WeightMap)]
        own: Tensor = getattr(self.base_layer, name)
        return self.mapped(maps).get(name, own) if maps else own

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name == "base_layer":
                raise
            return getattr(self.base_layer, name)


def _exact(x: Tensor) -> Tensor:
    """In float32 at least, which hooks compute in whatever the layer does."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


@dataclass
class SiteConfig(PeftConfig):
    """What peft keeps of an adapter: the method by name, its options, and the layers that were found."""

    method: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    target_modules: Any = None
    exclude_modules: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = TUNER


class SiteTuner(BaseTuner):
    """Puts sites where the configuration says."""

    prefix = "hooks"
    tuner_layer_cls = Site
    target_module_mapping: dict[str, Any] = {}  # noqa: RUF012

    def _create_and_replace(  # type: ignore[override]
        self,
        peft_config: SiteConfig,
        adapter_name: str,
        target: nn.Module,
        target_name: str,
        parent: nn.Module,
        current_key: str,
        **_: Any,
    ) -> None:
        site = target
        if not isinstance(site, Site):
            if isinstance(site, BaseTunerLayer):
                raise ConfigError(
                    f"adapters of peft's own layers and of ours do not share a layer, got {current_key}, which is a "
                    f"{type(site).__module__.split('.')[-2]} layer already; merge that adapter first"
                )
            site = Site(target, current_key, context_of(self.model))
        way = method(peft_config.method, **peft_config.options)
        assert isinstance(way, HookAdapter)
        site.put(adapter_name, way.at(current_key).hook_at(current_key, site.base_layer))
        if site is not target:
            setattr(base_of(parent), target_name, site.train(target.training))


def attach(model: nn.Module, way: HookAdapter, adapter: str = "default") -> nn.Module:
    """Put the hooks of a method at its sites, in place.

    Raises:
        ConfigError: no layer is found, or an adapter is there that it does not compose with.
    """
    sites = way.sites(model)
    targets = "|".join(re.escape(name) for name in sites)
    config = SiteConfig(method=way.name, options=way.options(), target_modules=f"({targets})")
    configs = dict(getattr(model, "peft_config", {}))
    if configs:
        del model.peft_config
    try:
        inject_adapter_in_model(config, model, adapter)
    finally:
        model.peft_config = {**configs, **getattr(model, "peft_config", {})}  # type: ignore[assignment]
    there = {site.name: site for site in model.modules() if isinstance(site, Site)}
    if hidden := [name for name in sites if name not in there or adapter not in there[name].hooks]:
        raise ConfigError(
            f"adapters are put around inner layers first, got sites inside of those of another adapter: {hidden[:3]}; "
            "add them in the other order"
        )
    for site in there.values():
        site._active_adapter = list(site.hooks)
    way.join([there[name].hooks[adapter] for name in sites])  # type: ignore[misc]
    return model


def context_of(model: nn.Module) -> Context:
    """The context of a model; a network of another make gets one, and says `model.context.begin(batch)` itself."""
    found = getattr(model, "context", None)
    if not isinstance(found, Context):
        found = Context()
        model.context = found  # type: ignore[assignment]
    return found


def register() -> None:
    """Let peft know the tuner."""
    PEFT_TYPE_TO_CONFIG_MAPPING[TUNER] = SiteConfig
    PEFT_TYPE_TO_TUNER_MAPPING[TUNER] = SiteTuner
    PEFT_TYPE_TO_PREFIX_MAPPING[TUNER] = SiteTuner.prefix


register()
