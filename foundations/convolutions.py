"""Convolutions that keep the grid and its topology: axes that close on themselves are wrapped, others get zeros.

The gradient of such a convolution by its input is one too, of the same topology with the kernel turned round. With it
and a correlation for the kernel, training takes about half the time of what oneDNN does for few channels (a head that
mixes its fields) and where every channel has its own kernel (skips; `benchmarks/notes_core.md`); everything else goes
the ordinary way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.amp import custom_bwd, custom_fwd

CONVOLUTION = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
FUNCTIONS: tuple[Callable[..., Tensor], ...] = (F.conv1d, F.conv2d, F.conv3d)
FEW = 32  # kernels, inputs times outputs, up to which the gradient is our own
TOGETHER = 4  # neighbours along the last axis that are made by one kernel, so that its outputs fill a register


def pad_axes(x: Float[Tensor, "b c *grid"], width: int, periodic: tuple[bool, ...]) -> Float[Tensor, "b c *padded"]:
    """`width` more values at both ends of every grid axis: wrapped around on periodic axes, zero on others."""
    x = x.contiguous()  # a view of tokens would hand its order of axes on, to the gradients of kernels too
    for axis in range(2, x.dim()):
        size = x.shape[axis]
        if periodic and periodic[axis - 2] and width <= size:
            x = torch.cat([x.narrow(axis, size - width, width), x, x.narrow(axis, 0, width)], axis)
        elif periodic and periodic[axis - 2]:
            x = x.index_select(axis, torch.arange(-width, size + width, device=x.device) % size)
        else:
            ends = [0, 0] * (x.dim() - axis - 1) + [width, width]
            x = F.pad(x, ends)
    return x


def convolve(conv: nn.Module, x: Float[Tensor, "b c *grid"], periodic: tuple[bool, ...]) -> Float[Tensor, "b o *grid"]:
    """Apply an odd-kernel convolution (built with padding k // 2) so that the grid keeps its size and its topology."""
    if suits(conv, x):
        return _Own.apply(x, conv.weight, conv.bias, periodic)
    if not any(periodic):
        return conv(x)
    kernel = cast("nn.Conv2d", conv)  # or of another number of axes
    width = kernel.weight.shape[-1] // 2
    padded = pad_axes(x, width, periodic)
    if type(conv) not in CONVOLUTION:  # wrapped: what is around it wants to be called
        return conv(padded)[(..., *(slice(width, -width) for _ in x.shape[2:]))]
    return FUNCTIONS[x.dim() - 3](padded, kernel.weight, kernel.bias, groups=kernel.groups)


def suits(conv: nn.Module, x: Tensor) -> bool:
    """Whether a gradient will be wanted, and it is faster made here: in float32, whatever the autocast type."""
    if not isinstance(conv, CONVOLUTION) or type(conv) not in CONVOLUTION:
        return False
    weight, (outputs, inputs, *size) = conv.weight, conv.weight.shape
    return bool(
        torch.is_grad_enabled()
        and ((conv.groups == 1 and outputs * inputs <= FEW) or is_depthwise(weight, conv.groups))
        and x.device.type == "cpu"
        and weight.dtype == torch.float32
        and (x.dtype == torch.float32 or torch.is_autocast_enabled("cpu"))
        and len(set(size)) == 1
        and set(conv.stride) == set(conv.dilation) == {1}
        and tuple(conv.padding) == tuple(n // 2 for n in size)
        and not torch.compiler.is_compiling()
    )


def is_depthwise(weight: Tensor, groups: int) -> bool:
    """Whether every channel has a kernel of its own."""
    return 1 < groups == weight.shape[0] and weight.shape[1] == 1


class _Own(torch.autograd.Function):
    @staticmethod
    @custom_fwd(device_type="cpu", cast_inputs=torch.float32)
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, periodic: tuple[bool, ...]) -> Tensor:
        padded = _padded(x, weight.shape[-1] // 2, periodic)
        ctx.save_for_backward(padded, weight)
        ctx.periodic, ctx.groups = periodic, x.shape[1] // weight.shape[1]
        return _applied(padded, weight, bias, ctx.groups)

    @staticmethod
    @custom_bwd(device_type="cpu")
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        padded, weight = ctx.saved_tensors
        of_x, of_weight, of_bias, _ = ctx.needs_input_grad
        axes = tuple(range(2, grad.dim()))
        around = _padded(grad, weight.shape[-1] // 2, ctx.periodic) if of_x else grad
        turned = weight.flip(axes)
        turned = turned.transpose(0, 1) if ctx.groups == 1 else turned
        return (
            _applied(around, turned, None, ctx.groups) if of_x else None,
            _of_kernel(padded, grad, ctx.groups, weight.shape[-1]) if of_weight else None,
            grad.sum((0, *axes)) if of_bias else None,
            None,
        )


def _applied(padded: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> Tensor:
    if groups == 1:
        return _mixed(padded, weight, bias)
    return FUNCTIONS[padded.dim() - 3](padded, weight, bias, groups=groups)


def _of_kernel(padded: Tensor, grad: Tensor, groups: int, size: int) -> Tensor:
    """Gradient of a kernel: the correlation of what it saw with what came back, over samples and points.

    Where every channel has its own it is made by Fourier series, since here the kernel is as large as the grid.
    """
    axes = tuple(range(2, grad.dim()))
    if groups == 1:
        apply = FUNCTIONS[grad.dim() - 3]
        return apply(padded.transpose(0, 1), grad.transpose(0, 1)).transpose(0, 1)
    sizes = [-(-n // 4) * 4 for n in padded.shape[2:]]  # none has a large prime factor
    seen, back = (torch.fft.rfftn(x, sizes, axes) for x in (padded, grad))
    found = torch.fft.irfftn((seen * back.conj()).sum(0), sizes, tuple(axis - 1 for axis in axes))
    for axis in axes:
        found = found.narrow(axis - 1, 0, size)
    return found.unsqueeze(1).contiguous()


def _padded(x: Tensor, width: int, periodic: tuple[bool, ...]) -> Tensor:
    """`pad_axes` in one pass over the values, in place: for what is neither recorded, nor compiled or exported."""
    sizes = x.shape[2:]
    if any(periodic) and width > min(sizes):
        return pad_axes(x, width, periodic)
    made = x.new_empty((*x.shape[:2], *(n + 2 * width for n in sizes)))
    inside = made
    for axis, size in enumerate(sizes, 2):
        inside = inside.narrow(axis, width, size)
    inside.copy_(x)
    for axis, size in enumerate(sizes, 2):
        before, after = made.narrow(axis, 0, width), made.narrow(axis, size + width, width)
        if periodic and periodic[axis - 2]:
            before.copy_(made.narrow(axis, size, width))
            after.copy_(made.narrow(axis, width, width))
        else:
            before.zero_()
            after.zero_()
    return made


def _mixed(padded: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A convolution of padded values, four neighbours of the last axis at a time where they come out even."""
    apply, (outputs, inputs, *size) = FUNCTIONS[padded.dim() - 3], weight.shape
    grid = [n - k + 1 for n, k in zip(padded.shape[2:], size, strict=True)]
    if grid[-1] % TOGETHER:
        return apply(padded, weight, bias)
    kernel = weight.new_zeros(outputs, TOGETHER, inputs, *size[:-1], size[-1] + TOGETHER - 1)
    for place in range(TOGETHER):
        kernel[:, place, ..., place : place + size[-1]] = weight
    shifts = None if bias is None else bias.repeat_interleave(TOGETHER)
    made = apply(padded, kernel.flatten(0, 1), shifts, stride=(*[1] * (len(size) - 1), TOGETHER))
    return made.unflatten(1, (outputs, TOGETHER)).movedim(2, -1).flatten(-2)
