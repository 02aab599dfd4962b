import numpy as np
import pytest

from humboldt.domains.pde.solvers.matched_layer import absorbed_wave, layer_profile
from humboldt.domains.pde.solvers.spectral import PeriodicGrid
from humboldt.domains.pde.solvers.wave import wave

MARGIN = 8


def pulse_on(margin, resolution=32):
    """A pulse near a corner of the unit square, on a grid with a margin, and the depth of each point outside."""
    points = np.arange(-margin, resolution + margin) / resolution
    grid = PeriodicGrid(resolution=len(points), length=len(points) / resolution)
    profile = [np.exp(-0.5 * ((points - centre) / 0.08) ** 2) for centre in (0.35, 0.6)]
    depth = np.abs(points - np.clip(points, 0, 1))
    return grid, np.multiply.outer(*profile)[None], depth


def test_what_leaves_the_square_does_not_come_back():
    times = [0.0, 0.4, 0.8, 1.2]
    wide, start, _ = pulse_on(32)
    free = wave(start, np.ones_like(start), wide, times)[0, :, 0, 32:-32, 32:-32]
    grid, start, depth = pulse_on(MARGIN)
    layer = layer_profile(depth, MARGIN / 32)
    reflected = []
    for absorption in (layer, 0 * layer):
        path = absorbed_wave(start, np.ones_like(start), absorption, grid, times)[0, :, MARGIN:-MARGIN, MARGIN:-MARGIN]
        reflected.append(np.abs(path - free).max())
    print("largest reflection with and without the layer", reflected)
    assert reflected[0] < 2e-3
    assert reflected[1] > 0.1


def test_without_a_layer_it_is_the_wave_equation_but_for_the_guard():
    """The guard takes away what the grid can just hold, and less of the same pulse on a finer one."""
    lost = []
    for resolution in (32, 64):
        grid, start, depth = pulse_on(MARGIN, resolution)
        ours = absorbed_wave(start, np.ones_like(start), 0 * depth, grid, [0.7])
        lost.append(np.abs(ours - wave(start, np.ones_like(start), grid, [0.7])[:, :, 0]).max())
    print("lost to the guard", lost)
    assert lost[0] < 1e-3
    assert lost[1] < lost[0] / 10


def test_the_profile_absorbs_what_it_promises_over_both_layers():
    depth = np.linspace(0, 0.25, 2001)
    assert 2 * np.trapezoid(layer_profile(depth, 0.25, decay=7.0), depth) == pytest.approx(7.0, rel=1e-5)
