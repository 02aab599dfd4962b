"""Symmetries commute with the exact evolution of a flow, and leave what they must."""

import math

import pytest
import torch

from humboldt.domains.pde import Channel, FieldBatch, Symmetry, augment, random_symmetry, transform, vector_channels

VECTORS = (((0, 1),), ((0, 1),))


def exact_flow(fields: torch.Tensor, time: float, viscosity: float = 0.01) -> torch.Tensor:
    """Incompressible Navier-Stokes on the unit square, of a mean flow c plus modes of one wavenumber k, exactly.

    Such modes are an eigenfunction of the Laplacian, so they decay as exp(-viscosity k^2 t) and move with c. The third
    channel is a tracer without diffusion in the mean flow alone: it only moves.
    """
    size = fields.shape[-1]
    mean = fields[:, :2].mean((-2, -1))
    waves = torch.fft.fftfreq(size, dtype=fields.dtype) * size
    phase = waves[:, None] * mean[:, 0, None, None] + waves * mean[:, 1, None, None]
    move = torch.exp(-2j * math.pi * time * phase)[:, None]
    moved = torch.fft.ifft2(torch.fft.fft2(fields) * move).real
    decay = math.exp(-viscosity * (2 * math.pi) ** 2 * 5 * time)
    steady = torch.cat([mean, torch.zeros_like(mean[:, :1])], 1)[..., None, None]
    return torch.where(torch.tensor([True, True, False]).view(1, 3, 1, 1), steady + decay * (moved - steady), moved)


def flow(samples: int = 16, size: int = 16) -> torch.Tensor:
    """Stream functions of modes (1, 2), (2, 1), (2, -1), (1, -2) with random amplitudes, a mean flow and a tracer."""
    generator = torch.Generator().manual_seed(0)
    x = torch.arange(size, dtype=torch.float64) / size
    x, y = x[:, None], x[None, :]
    u = torch.zeros(2, samples, size, size, dtype=torch.float64) + torch.randn(
        2, samples, 1, 1, generator=generator, dtype=torch.float64
    )
    tracer = torch.zeros(samples, size, size, dtype=torch.float64)
    for k, m in ((1, 2), (2, 1), (2, -1), (1, -2)):
        amplitude, shift, other = torch.randn(3, samples, 1, 1, generator=generator, dtype=torch.float64)
        wave = amplitude * torch.cos(2 * math.pi * (k * x + m * y) + shift)
        u = u + torch.stack([m * wave, -k * wave])
        tracer = tracer + other * torch.sin(2 * math.pi * (k * x + m * y) + other)
    return torch.stack([u[0], u[1], tracer], dim=1)


def test_symmetries_commute_with_an_exact_solution():
    fields = flow()
    batch = FieldBatch(fields, torch.full((16,), 0.3), target=exact_flow(fields, 0.3), periodic=(True, True))
    generator = torch.Generator().manual_seed(1)
    changed = augment(batch, VECTORS, generator=generator)
    assert changed.target is not None
    assert not torch.allclose(changed.fields, fields, atol=0.1)
    assert torch.allclose(exact_flow(changed.fields, 0.3), changed.target, atol=1e-10)
    scalars = augment(batch, generator=torch.Generator().manual_seed(1))
    assert scalars.target is not None
    assert not torch.allclose(exact_flow(scalars.fields, 0.3), scalars.target, atol=0.1)


def test_a_quarter_turn_by_hand():
    x, y = torch.meshgrid(torch.arange(3.0), torch.arange(3.0), indexing="ij")
    fields = torch.stack([x, 10 + y, 3 * x + y])
    turned = Symmetry(axes=(1, 0), reflected=(False, True), shift=(0, 0))(fields, [(0, 1)])
    assert torch.equal(turned[0], 10 + x)
    assert torch.equal(turned[1], -(2 - y))
    assert torch.equal(turned[2], 3 * (2 - y) + x)


def test_shifts_stay_on_periodic_axes_and_turns_on_equal_ones():
    generator = torch.Generator().manual_seed(0)
    drawn = [random_symmetry((8, 8), (True, False), generator=generator) for _ in range(50)]
    assert {g.axes for g in drawn} == {(0, 1)}
    assert {g.shift[1] for g in drawn} == {0}
    assert len({g.shift[0] for g in drawn}) == 8
    assert {g.axes for g in (random_symmetry((8, 6), generator=generator) for _ in range(50))} == {(0, 1)}
    square = {(g.axes, g.reflected) for g in (random_symmetry((8, 8), generator=generator) for _ in range(200))}
    assert len(square) == 8
    fixed = random_symmetry((8, 8), (True, True), shifts=False, turns=False, generator=generator)
    assert fixed == Symmetry(axes=(0, 1), reflected=(False, False), shift=(0, 0))


def test_known_places_and_missing_values_move_with_the_fields():
    fields = torch.full((1, 1, 4, 4), torch.nan)
    known = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    known[..., 0, 1] = True
    batch = FieldBatch(fields, torch.ones(1), target=known.float(), known=known, periodic=(True, True))
    changed = transform(batch, [Symmetry(axes=(1, 0), reflected=(True, False), shift=(1, 0))])
    assert changed.fields.isnan().all()
    assert changed.known is not None
    assert changed.known.sum() == 1
    assert torch.equal(changed.known.float(), changed.target)


def test_hidden_tokens_are_refused():
    batch = FieldBatch(torch.ones(1, 1, 4, 4), torch.ones(1), hidden=torch.zeros(1, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match="before tokens are hidden"):
        augment(batch)


def test_vectors_are_groups_of_components():
    names = ("p", "u_y", "u_x", "c_x")
    groups = ("", "u", "u", "")
    channels = [Channel(name=n, group=g) for n, g in zip(names, groups, strict=True)]
    assert vector_channels(channels, 2) == ((2, 1),)
    assert vector_channels(channels, 3) == ()
