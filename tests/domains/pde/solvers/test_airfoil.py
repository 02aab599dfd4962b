import numpy as np
import pytest

from humboldt.domains.pde.solvers.airfoil import Airfoil, CircleMap, varied
from humboldt.domains.pde.solvers.steady_euler import Mesh, free_stream, pressure_force, residual, steady_euler

from .convergence import observed_order

SYMMETRIC = Airfoil(upper=(0.17, 0.15, 0.14), lower=(-0.17, -0.15, -0.14))


def test_the_airfoil_is_an_rae_2822():
    """Some of the published ordinates, in millionths of the chord."""
    x = np.array([0.113495, 0.5, 0.853553, 0.978470])
    published = np.array([[40585, 62029, 26554, 4401], [-40929, -50563, -4314, 935]]) * 1e-6
    np.testing.assert_allclose(Airfoil().heights(x), published, atol=7e-5)


@pytest.mark.parametrize("seed", range(4))
def test_the_map_finds_the_surface_of_any_variation(seed):
    airfoil = varied(np.random.default_rng(seed))
    circle, x = CircleMap(airfoil), np.linspace(0.01, 0.99, 99)
    for height, out in zip(airfoil.heights(x), (1, -1), strict=True):
        _, on = circle.polar(x + 1j * height)
        np.testing.assert_allclose(on, 0, atol=2e-4)
        _, outside = circle.polar(x + 1j * (height + 1e-2 * out))
        assert (outside > 0).all()
    _, inside = circle.polar(x + 1j * airfoil.camber(x))
    assert (inside < 0).all()


def test_a_mesh_is_closed_and_lets_a_uniform_flow_pass():
    nodes = CircleMap(Airfoil()).nodes(48, 16)
    mesh = Mesh.of(nodes)
    assert mesh.area.min() > 0
    assert mesh.area.sum() == pytest.approx(np.pi * 10**2, rel=0.02)
    far = free_stream(0.5, 3.0)
    gas = np.broadcast_to(far[:, None, None], (1, 4, 48, 16))
    assert np.abs(residual(gas, mesh, far)[..., 1:]).max() < 1e-12  # only the body disturbs it


def test_an_airfoil_that_folds_is_refused():
    folded = Airfoil(bumps=np.stack([np.full(15, -0.2), np.full(15, 0.2)]))
    with pytest.raises(ValueError, match="surfaces do not cross, got one that folds; lower its bumps"):
        CircleMap(folded)


@pytest.mark.integration
def test_without_shocks_the_drag_vanishes_and_a_symmetric_airfoil_has_no_lift():
    """D'Alembert: what drag there is comes from the mesh, and falls with it."""
    drags, sizes = [], [1 / 24, 1 / 48]
    for size in sizes:
        around = round(1 / size)
        nodes = CircleMap(SYMMETRIC).nodes(around, around // 3)
        gas = steady_euler(nodes, 0.5, 0.0)
        force = pressure_force(gas, nodes) / (0.5 * 1.4 * 0.5**2)
        assert abs(force[1]) < 1e-3
        np.testing.assert_allclose(gas[0], gas[0, ::-1], atol=1e-3)
        drags.append(float(force[0]))
    assert observed_order(drags, sizes) > 0.9


@pytest.mark.integration
def test_lift_grows_with_the_angle_as_theory_has_it():
    """2 pi a chord over sqrt(1 - M^2), a few per cent more for the thickness and less for the mesh.

    At no angle a symmetric airfoil has no lift, as shown above.
    """
    nodes, turn = CircleMap(SYMMETRIC).nodes(64, 24), np.radians(2.0)
    force = pressure_force(steady_euler(nodes, 0.4, 2.0), nodes) / (0.5 * 1.4 * 0.4**2)
    slope = (force[1] * np.cos(turn) - force[0] * np.sin(turn)) / turn
    print(f"lift a radian {slope:.2f}, theory {2 * np.pi / np.sqrt(1 - 0.16):.2f}")
    assert slope == pytest.approx(2 * np.pi / np.sqrt(1 - 0.16), rel=0.12)
