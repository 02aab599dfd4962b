"""What a core is made of, as frozen values: the vocabulary that every model of the suite is spelled in.

A released model is a function that returns a `CoreConfig`; JSON is only its serialisation (`to_dict`, `from_dict`).
"""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

T = TypeVar("T")


class ConfigError(ValueError):
    """A configuration that breaks a rule; the message states the rule, the value and the cure."""


@dataclass(frozen=True, kw_only=True)
class AttentionConfig:
    """Attention inside windows of a grid.

    Attributes:
        heads: number of heads; divides the width of the scale.
        window: tokens per window along each axis, `None` for the whole axis. `(None,)` is full attention on a sequence,
            `(1, None)` on a (unit, slot) grid is attention inside each unit, `(None, 1)` attention across units.
        shifted: move the windows by half a window along every axis that is longer than its window (Swin). On a
            (unit, slot) grid of a whole field, the tokens are moved by half a unit over the field.
        causal: a token sees itself and what lies before it (one axis, whole-axis window).
        similarity: `dot` is q.k/sqrt(e); `cosine` is the scaled cosine of Swin v2 (arXiv 2111.09883, eq. 2).
        position: `none`, or `log` for the log-spaced continuous position bias of Swin v2 (eqs. 3 and 4).
        bias: which of query, key and value carry a bias: `none`, `query_value` or `all`.
        out_bias: whether the map that closes the attention carries one.
        padding: tokens that fill up the last window are `masked`, or `visible` as zero tokens; `centred` ones stand
            half before and half after the moved grid, hidden where windows are moved, else visible (Aurora).
        seam: added to the score of two tokens that a shifted window brings together over a border.
    """

    heads: int
    window: tuple[int | None, ...] = (None,)
    shifted: bool = False
    causal: bool = False
    similarity: Literal["dot", "cosine"] = "dot"
    position: Literal["none", "log"] = "none"
    bias: Literal["none", "query_value", "all"] = "all"
    out_bias: bool = True
    padding: Literal["masked", "visible", "centred"] = "masked"
    seam: float = float("-inf")

    def __post_init__(self) -> None:
        if self.heads < 1:
            raise ConfigError(f"attention needs at least one head, got heads={self.heads}")
        if self.causal and (len(self.window) != 1 or self.window[0] is not None or self.shifted):
            raise ConfigError(
                "causal attention needs one axis and a window over the whole of it, got "
                f"window={self.window}, shifted={self.shifted}; set window=(None,) and shifted=False"
            )
        if any(w is not None and w < 1 for w in self.window):
            raise ConfigError(f"window sizes must be at least 1 or None for the whole axis, got {self.window}")


@dataclass(frozen=True, kw_only=True)
class BlockConfig:
    """One transformer block: attention and a two-layer perceptron, each with a norm and a residual.

    Attributes:
        attention: what attends to what.
        hidden: width of the perceptron's hidden layer.
        norm: `pre` normalises what enters a branch, `post` what leaves it (Swin v2).
        activation: of the perceptron: the exact `gelu`, or `gelu_tanh`, its approximation by a hyperbolic tangent.
        drop_path: probability with which a sample skips a branch in training (stochastic depth, arXiv 1603.09382).
    """

    attention: AttentionConfig
    hidden: int
    norm: Literal["pre", "post"] = "pre"
    activation: Literal["gelu", "gelu_tanh"] = "gelu"
    drop_path: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.drop_path < 1:
            raise ConfigError(f"drop_path is a probability in [0, 1), got {self.drop_path}")


@dataclass(frozen=True, kw_only=True)
class ScaleConfig:
    """One resolution of the core.

    Attributes:
        width: channels at this scale.
        down: blocks on the way to coarser scales.
        up: blocks on the way back.
        skip: number of convolutional blocks between the two.
        merge: how many tokens along each axis make one token of the next coarser scale (unused at the coarsest).
    """

    width: int
    down: tuple[BlockConfig, ...]
    up: tuple[BlockConfig, ...] = ()
    skip: int = 0
    merge: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for block in (*self.down, *self.up):
            if self.width % block.attention.heads:
                raise ConfigError(
                    f"the number of heads must divide the width of its scale, got heads={block.attention.heads} and "
                    f"width={self.width}; choose a width that is a multiple of {block.attention.heads}"
                )


@dataclass(frozen=True, kw_only=True)
class CoreConfig:
    """The whole core, from fine to coarse.

    Attributes:
        axes: number of grid axes, 1, 2 or 3.
        scales: the scales, finest first.
        condition: width of the condition vector that `TimeNorm` is told, 0 for plain norms.
        skip_kind: `convnext` (conditioned, depthwise 7) or `resnet` (two 3-wide convolutions with batch norm).
        residual_scale: whether each scale adds its input to its output before merging.
        final_norm: whether a norm closes the core (pre-norm stacks want one).
        merge_norm: merges and splits normalise what leaves their linear map and are told the condition (`after`, Swin
            v2), or merges what enters it, and neither is told (`before`, Swin).
        join: on the way up the state of the way down is added at every scale (`add`), or at all but the coarsest two,
            and the finest joins once more at the end, in a linear map of both (`concatenate`, Aurora's U-net).
        norm_eps: added to the variance in block and skip norms; merges and splits always use 1e-5.
        bias: whether the linear maps and the plain norms of blocks, and the final norm, carry a bias (what query, key
            and value carry is said by their attention; a conditioned norm always has its shift).
    """

    axes: int
    scales: tuple[ScaleConfig, ...]
    condition: int = 0
    skip_kind: Literal["convnext", "resnet"] = "convnext"
    residual_scale: bool = False
    final_norm: bool = False
    merge_norm: Literal["after", "before"] = "after"
    join: Literal["add", "concatenate"] = "add"
    norm_eps: float = 1e-5
    bias: bool = True

    def __post_init__(self) -> None:
        if self.axes not in (1, 2, 3):
            raise ConfigError(f"a core has 1, 2 or 3 grid axes, got {self.axes}")
        if not self.scales:
            raise ConfigError("a core has at least one scale, got none; add a ScaleConfig")
        if any(b.attention.causal for s in self.scales for b in (*s.down, *s.up)) and (
            len(self.scales) > 1 or self.scales[0].skip
        ):
            raise ConfigError(
                f"a causal core has one scale and no skips, which would look ahead, got {len(self.scales)} scales and "
                f"skips {[s.skip for s in self.scales]}; drop them, or the causal pattern"
            )
        for number, scale in enumerate(self.scales):
            if any(factor < 1 for factor in scale.merge):
                raise ConfigError(f"merge factors must be at least 1, got {scale.merge} at scale {number}")
            if number < len(self.scales) - 1 and len(scale.merge) != self.axes:
                raise ConfigError(
                    f"merge needs one factor per axis ({self.axes}) at every scale but the coarsest, "
                    f"got {scale.merge} at scale {number}"
                )
            for block in (*scale.down, *scale.up):
                if len(block.attention.window) != self.axes:
                    raise ConfigError(
                        f"window needs one size per axis ({self.axes}), got {block.attention.window} at scale {number}"
                    )


def to_dict(config: Any) -> dict[str, Any]:
    """A JSON-ready dictionary of a (nested) frozen dataclass; infinities become strings."""

    def plain(value: Any) -> Any:
        if dataclasses.is_dataclass(value):
            return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        if isinstance(value, tuple | list):
            return [plain(v) for v in value]
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        if isinstance(value, float) and value in (float("inf"), float("-inf")):
            return str(value)
        return value

    return plain(config)


def from_dict(kind: type[T], data: dict[str, Any]) -> T:
    """Rebuild a dataclass from `to_dict`; an unknown key is refused with the nearest known name.

    Raises:
        ConfigError: unknown or missing key, or a value that breaks a rule of the class.
    """
    hints = typing.get_type_hints(kind)
    known = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in data:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            cure = f"did you mean {near[0]!r}?" if near else f"known keys are {sorted(known)}"
            raise ConfigError(f"{kind.__name__} has no key {key!r}; {cure}")
    missing = [
        name
        for name, f in known.items()
        if name not in data and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ConfigError(f"{kind.__name__} needs the key(s) {missing}, got only {sorted(data)}; add them")
    values = {}
    for key, value in data.items():
        try:
            values[key] = _typed(hints[key], value)
        except ValueError as error:
            raise ConfigError(f"{kind.__name__}.{key}: {error}") from error
    return kind(**values)


def _typed(hint: Any, value: Any) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        return _typed(next(a for a in args if a is not type(None)), value)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type) and isinstance(value, dict):
        return from_dict(hint, value)
    if origin is tuple and isinstance(value, list | tuple):
        inner = args if len(args) == len(value) and Ellipsis not in args else (args[0],) * len(value)
        return tuple(_typed(a, v) for a, v in zip(inner, value, strict=True))
    if origin is tuple and isinstance(value, str):
        raise ConfigError(f"expected a list of values, got {value!r}; write [{value!r}]")
    if origin is Literal and value not in args:
        raise ConfigError(f"expected one of {list(args)}, got {value!r}")
    if hint in (int, bool, str) and type(value) is not hint:
        raise ConfigError(f"expected a value of type {hint.__name__}, got {value!r}")
    if hint is float and isinstance(value, int | str) and not isinstance(value, bool):
        return float(value)
    return value
