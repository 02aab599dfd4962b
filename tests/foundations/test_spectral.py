"""The layer of long waves against the fast Fourier transform."""

import itertools

import pytest
import torch
from torch import Tensor

from humboldt.foundations import FourierLayer


def by_fft(layer: FourierLayer, x: Tensor) -> Tensor:
    """W_k x_k wave by wave, through `torch.fft`."""
    grid, modes = x.shape[2:], layer.modes
    axes = tuple(range(2, x.dim()))
    spectrum, weight = torch.fft.rfftn(x, dim=axes), torch.view_as_complex(layer.weight.detach())
    held = [[k for k in range(-modes, modes) if -(n // 2) <= k < (n + 1) // 2] for n in grid]
    held[-1] = [k for k in held[-1] if k >= 0]
    made = torch.zeros_like(spectrum)
    for waves in itertools.product(*held):
        at, its = (..., *waves), (*(k + modes for k in waves[:-1]), waves[-1])
        made[at] = torch.einsum("bc,cd->bd", spectrum[at], weight[its])
    return torch.fft.irfftn(made, s=grid, dim=axes)


@pytest.mark.parametrize(
    ("grid", "modes"), [((12, 10), 3), ((16, 16), 12), ((5, 7), 12), ((1, 6), 4), ((8,), 3), ((6, 5, 4), 2)]
)
def test_every_wave_is_multiplied_by_its_own_matrix(grid, modes):
    layer = FourierLayer(3, modes, len(grid)).double()
    x = torch.randn(2, 3, *grid, dtype=torch.float64)
    torch.testing.assert_close(layer(x), by_fft(layer, x))


def test_a_finer_grid_of_the_same_domain_gets_the_same_values():
    layer = FourierLayer(2, 3, 2)
    place = torch.arange(16) / 16 * 2 * torch.pi
    wave = torch.stack([(place[:, None] - 2 * place).sin(), (2 * place[:, None] + place).cos() + 1])[None]
    torch.testing.assert_close(layer(wave)[..., ::2, ::2], layer(wave[..., ::2, ::2]), atol=1e-5, rtol=0)


def test_it_commutes_with_translations():
    layer, x = FourierLayer(2, 4, 2), torch.randn(1, 2, 12, 16)
    torch.testing.assert_close(layer(x.roll((5, 3), (2, 3))), layer(x).roll((5, 3), (2, 3)), atol=1e-5, rtol=0)


def test_half_precision_keeps_its_type_and_is_transformed_in_single():
    layer, x = FourierLayer(4, 6, 2), torch.randn(1, 4, 16, 16)
    exact, half = layer(x), layer(x.bfloat16())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(layer(x), exact)  # not rounded on the way
        assert torch.equal(layer(x.bfloat16()), half)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), layer(x.bfloat16().float()), atol=0.02, rtol=0.02)
