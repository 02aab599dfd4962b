"""What the simulations share: the grid, and mountains."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from humboldt.data_catalog import DataError
from humboldt.domains.weather.simulation import Mountain, gaussian_grid


def test_a_mountain_stands_where_it_is_put_and_across_the_dateline():
    mountain = Mountain(height=2000.0, latitude=40.0, longitude=359.0, width=15.0)
    heights = mountain.altitude(np.array([40.0, 40.0, 40.0, 55.0]), np.array([359.0, 14.0, 344.0, 359.0]))
    assert heights[0] == pytest.approx(2000)
    assert heights[1] == pytest.approx(heights[2])
    assert heights[3] == pytest.approx(2000 * np.exp(-1))


def test_a_number_of_rows_without_a_truncation_is_refused():
    with pytest.raises(DataError, match=r"one of \[32, 48, 64, 128\] rows, got 50"):
        gaussian_grid(50)


@pytest.mark.integration
def test_a_script_that_simulates_while_it_is_imported_is_told_how_to_guard_the_call(tmp_path: Path) -> None:
    script = tmp_path / "simulate.py"
    script.write_text(
        "from humboldt.domains.weather import shallow_water\n"
        "shallow_water('made.zarr', samples=1, days=1, spin_up=0, rows=32, progress=False)\n"
    )
    ended = subprocess.run([sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("RuntimeError: a simulation runs in a process of its own")
    assert "put the call under `if __name__ == '__main__':`" in ended.stderr.splitlines()[-1]
    assert not (tmp_path / "made.zarr").exists()
