"""The published distributions of the gases (arXiv 2405.19101, supplement), from many samples."""

import numpy as np
import pytest

from humboldt.domains.pde.solvers import gas_conditions as start

CENTRES = (np.arange(64) + 0.5) / 64


def drawn(initial, count=60, centres=CENTRES):
    return np.stack([initial(np.random.default_rng(seed), centres) for seed in range(count)])


@pytest.mark.parametrize(
    ("initial", "low", "high"),
    [
        (start.quadrants, (0.1, -1, -1, 0.1), (1, 1, 1, 1)),
        (start.curved_quadrants, (0.1, -1, -1, 0.1), (1, 1, 1, 1)),
        (start.fast_quadrants, (1, -10, -10, 5), (3, 10, 10, 7)),
    ],
)
def test_four_states_fill_their_ranges(initial, low, high):
    gases = drawn(initial)
    for variable, (lowest, highest) in enumerate(zip(low, high, strict=True)):
        values = gases[:, variable]
        assert lowest <= values.min() < lowest + 0.03 * (highest - lowest)
        assert highest - 0.03 * (highest - lowest) < values.max() <= highest
    assert all(len(np.unique(gas[0])) == 4 for gas in gases)


@pytest.mark.parametrize(
    ("initial", "modes", "amplitude"), [(start.curved_quadrants, 2, 0.1), (start.fast_quadrants, 10, 0.01)]
)
def test_interfaces_are_displaced_by_sums_of_sines(initial, modes, amplitude):
    """A state on the other side of its straight interface lies nearer to that than the displacement may be large."""
    straight = start.in_quadrants(np.arange(16.0).reshape(2, 2, 4), CENTRES[:, None], CENTRES[None, :])[0]
    rng = np.random.default_rng(3)
    bent = start.displaced(np.arange(16.0).reshape(2, 2, 4), rng, CENTRES, modes=modes, amplitude=amplitude)[0]
    share = (straight != bent).mean()
    spread = amplitude * modes / np.sqrt(6)  # deviation of the displacement, of modes^2 sines
    assert 0.3 * spread < share < 8 * spread
    np.testing.assert_array_equal(np.unique(bent), np.unique(straight))
    rng = np.random.default_rng(3)
    states = (
        rng.uniform([0.1, -1, -1, 0.1], 1, (2, 2, 4))
        if modes == 2
        else rng.uniform((1, -10, -10, 5), (3, 10, 10, 7), (2, 2, 4))
    )
    strength, phase = rng.uniform(-amplitude, amplitude, (2, modes, modes)), rng.uniform(0, 1, (2, modes, modes))
    x, y = np.meshgrid(CENTRES, CENTRES, indexing="ij")
    moved = [x.copy(), y.copy()]
    for axis in (0, 1):
        for i in range(modes):
            for j in range(modes):
                turns = (i + 1) * x + (j + 1) * y + phase[axis, i, j]
                moved[axis] += strength[axis, i, j] * np.sin(2 * np.pi * turns)
    right, top = (np.floor(2 * place).astype(int) % 2 for place in moved)
    np.testing.assert_array_equal(initial(np.random.default_rng(3), CENTRES), np.moveaxis(states[right, top], -1, 0))


def test_kelvin_and_helmholtz_have_a_light_stream_in_a_heavy_one():
    gases = drawn(start.kelvin_helmholtz, 20)
    middle, outside = gases[..., 32], gases[..., 0]
    np.testing.assert_array_equal(middle, np.broadcast_to([[1.0], [0.5], [0.0], [2.5]], middle.shape))
    np.testing.assert_array_equal(outside, np.broadcast_to([[2.0], [-0.5], [0.0], [2.5]], outside.shape))
    edges = (gases[:, 0] == 1).argmax(axis=2) / 64  # of the lower interface, along x
    assert np.abs(edges - 0.25).max() <= 0.05 + 1 / 64
    assert np.ptp(edges, axis=1).min() > 1 / 64


def test_vortices_turn_in_a_thin_gas():
    gases = drawn(start.gaussian_vortices, 3)
    assert (gases[:, 0] == 0.1).all()
    assert (gases[:, 3] == 2.5).all()
    assert np.abs(gases[:, 1:3].mean(axis=(2, 3))).max() < 1e-12
    assert 0.05 < gases[:, 1:3].std() < 1


def test_richtmyer_and_meshkov_begin_with_a_blast_inside_of_a_heavy_disc():
    gases = drawn(start.richtmyer_meshkov, 20)
    assert not gases[:, 1:3].any()
    for variable, (inside, outside, radius) in {0: (2.0, 1.0, 0.25), 3: (20.0, 1.0, 0.1)}.items():
        np.testing.assert_array_equal(np.unique(gases[:, variable]), sorted((inside, outside)))
        area = (gases[:, variable] == inside).mean()
        assert area == pytest.approx(np.pi * radius**2, rel=0.05)


def test_a_star_is_in_equilibrium_but_for_its_heavy_mantle():
    """Density rho_0 sinc, p = K rho^2; p and rho at the centre vary by a fifth, the Atwood number is 0.04 to 0.06."""
    centres = (np.arange(256) + 0.5) / 256
    found = [start.polytrope(np.random.default_rng(seed), centres) for seed in range(40)]
    central = np.array([[gas[0, 128, 128], gas[3, 128, 128]] for gas, _ in found])
    assert (central >= 0.79).all()
    assert (central <= 1.2).all()
    assert np.ptp(central, axis=0).min() > 0.25
    for gas, potential in found[:5]:
        assert not gas[1:3].any()
        stiffness = gas[3, 128, 128] / gas[0, 128, 128] ** 2
        contrast = gas[0] / np.sqrt(gas[3] / stiffness)  # 1 inside, (1 + A) / (1 - A) outside
        heavy = contrast[0, 0]
        assert 0.0399 < (heavy - 1) / (heavy + 1) < 0.0601
        np.testing.assert_allclose(np.where(contrast > 1.01, heavy, 1.0), contrast, rtol=1e-9)
        light, slope = contrast < 1.01, np.gradient(gas[3], 1 / 256, axis=0)
        pull = -gas[0] * np.gradient(potential, 1 / 256, axis=0)
        well_inside = light & np.roll(light, 2, 0) & np.roll(light, -2, 0)
        np.testing.assert_allclose(slope[well_inside], pull[well_inside], atol=2e-3)
