import pickle

import numpy as np
import pytest

from humboldt.domains.pde.problems import PROBLEMS, problem


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_sample_is_the_same_whatever_it_is_solved_with(name):
    chosen = problem(name)
    times = [time / 4 for time in chosen.times[:3]]
    batch = chosen.solve(3, seed=5, resolution=32, times=times)
    assert batch.shape == (3, 3, len(chosen.fields), 32, 32)
    assert batch.dtype == np.float32
    assert np.isfinite(batch).all()
    np.testing.assert_array_equal(chosen.solve([2], seed=5, resolution=32, times=times), batch[2:])
    assert np.abs(batch[0, 0] - batch[1, 0]).max() > 0
    assert np.abs(chosen.solve([2], seed=6, resolution=32, times=times) - batch[2:]).max() > 0


@pytest.mark.parametrize(
    ("name", "resolution", "tolerance"),
    [
        ("ns-sl", 64, 0.01),
        ("ace", 128, 2e-3),
        ("wave-gauss", 32, 0.02),
        ("reaction-diffusion", 48, 0.02),
        ("isothermal-gas", 64, 0.05),
    ],
)
def test_a_finer_grid_shows_the_same_solution(name, resolution, tolerance):
    chosen = problem(name)
    times = [chosen.times[0], chosen.times[4]]
    coarse = chosen.solve(2, resolution=resolution, times=times)
    fine = chosen.solve(2, resolution=2 * resolution, times=times)[..., ::2, ::2]
    error = np.abs(coarse - fine).sum(axis=(0, 1, 3, 4)) / np.abs(fine).sum(axis=(0, 1, 3, 4))
    print(name, error)
    assert error[0] < tolerance
    assert np.abs(fine[:, 1] - fine[:, 0]).max() > 1e-3


@pytest.mark.parametrize("name", ["ns-sines", "ns-gauss", "ns-pwc", "ns-sl", "ns-bb"])
def test_a_tracer_joins_any_flow_and_does_not_change_it(name):
    alone, joined = problem(name), problem(name, tracer=True)
    assert [field.name for field in joined.fields] == ["velocity_x", "velocity_y", "tracer"]
    flow = alone.solve(1, resolution=32, times=[0.0, 0.1])
    both = joined.solve(1, resolution=32, times=[0.0, 0.1])
    np.testing.assert_allclose(both[:, :, :2], flow, atol=1e-6)
    assert 0.1 < both[:, :, 2].std() < 1


def test_choices_change_what_they_say():
    flow, published = problem("ns-gauss"), problem("ns-gauss", viscosity="spectral")
    energy = [(chosen.solve(1, resolution=64, times=[1.0]) ** 2).sum() for chosen in (flow, published)]
    assert energy[1] > 1.02 * energy[0]
    assert not problem("wave-gauss").periodic
    box = problem("wave-gauss", boundary="periodic")
    assert box.periodic
    leaves, stays = (chosen.solve(1, resolution=32, times=[5e-4])[0, 0, 0] for chosen in (problem("wave-gauss"), box))
    assert np.abs(stays).mean() > 2 * np.abs(leaves).mean()
    assert "0 z x u" in problem("shallow-water", rotating=False).equation


@pytest.mark.parametrize(
    ("wrong", "near"), [("ns-sine", "ns-sines"), ("wave-gaus", "wave-gauss"), ("shalow", "shallow")]
)
def test_an_unknown_problem_is_refused_with_the_nearest_names(wrong, near):
    message = f"got '{wrong}'; did you mean .*{near}.*Known: ns-sines, .*reaction-diffusion"
    with pytest.raises(ValueError, match=message):
        problem(wrong)


def test_unknown_choices_and_values_are_refused():
    with pytest.raises(ValueError, match=r"ace has the choices \(none\), got 'tracer'; leave it out"):
        problem("ace", tracer=True)
    with pytest.raises(ValueError, match="boundary must be one of absorbing, periodic, got 'open'"):
        problem("wave-layer", boundary="open")
    with pytest.raises(ValueError, match="viscosity must be one of newtonian, spectral, got 'none'"):
        problem("ns-sl", viscosity="none")


@pytest.mark.parametrize("name", PROBLEMS)
def test_problems_travel_to_other_processes(name):
    assert pickle.loads(pickle.dumps(problem(name))).name == name
