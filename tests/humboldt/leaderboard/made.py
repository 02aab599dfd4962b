"""Records without a smell, for the tests of the leaderboard."""

from dataclasses import replace
from datetime import UTC, datetime

from humboldt.results import Result

NOW = datetime(2026, 11, 29, tzinfo=UTC)
PLAIN = Result(
    protocol="comparison", model="humboldt/pde-nano", method="lora", data="burgers.nc", metric="relative L1",
    value=0.25, unit="1", model_sha256="a" * 64, data_version="v1", split_sha256="b" * 64, code_commit="c" * 40, seed=0,
    date="2026-11-20T10:00:00+00:00", hardware="a processor", samples=4, steps=60, cpu_seconds=8.0,
    settings={"task": "forecast"},
)  # fmt: skip


def clean() -> list[Result]:
    """Two methods with three seeds, and the control."""
    rows = [("lora", False, 0.25), ("<b>full</b>", False, 0.2), ("full", True, 0.4)]
    return [
        replace(PLAIN, method=method, control=control, value=value + 0.01 * seed, seed=seed)
        for method, control, value in rows
        for seed in range(3)
    ]
