"""What do training data and forecasts cost, against another solver, our own solver, and training from nothing?

    python benchmarks/pde.py [--quick] --json FILE [--questions generation,forecasting,training] [--data FOLDER]

Generation: seconds on one core, against exponax (exponential time differencing of the fourth order in JAX, compiled
beforehand), single precision against single and double against double, with the same grid and initial states, ours in
the batches of `humboldt generate`, the peer's in those it is fastest with. Flows take the same steps; on lines ours
takes twice as many, of a quarter of the evaluations each; phases take the steps of `ace`. Turns alternate. Before the
times count the solutions must agree, and on lines ours must be as near to the truth (ours in double precision in steps
of a quarter), or nearer than the single precision in which it is stored. For the other solvers (shocks, media that
vary, boundaries) exponax has none. Forecasts: `humboldt/pde-nano` from one state to a later one, against the coarsest
grid on which our solver is as near to the truth. Training: until a model is as good as the FNO with the most
trajectories in `--records` of `benchmarks/pde_suite/run.py`, pretrained against the random twin.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import humboldt
from humboldt.domains.pde import FieldBatch
from humboldt.domains.pde.problems import problem
from humboldt.domains.pde.solvers.allen_cahn import allen_cahn
from humboldt.domains.pde.solvers.exponential import exponential
from humboldt.domains.pde.solvers.line_families import FRONT_LENGTH, steepening, wavenumbers, waves
from humboldt.domains.pde.solvers.navier_stokes import curl, navier_stokes
from humboldt.domains.pde.solvers.spectral import PeriodicGrid
from humboldt.domains.pde.solvers.viscosity import newtonian

RECORDS = Path(__file__).resolve().parents[1] / "docs" / "experiments" / "records" / "pde_suite.jsonl"
FAMILY = "ns-pwc"
STORED = float(np.finfo(np.float32).eps) / 2
Row = dict[str, Any]


def main() -> None:
    """Ask all questions, write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repeats and steps")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--questions", default="generation,forecasting,training", help="(%(default)s)")
    parser.add_argument("--records", type=Path, default=RECORDS, help="of the FNO; by default those of the docs")
    parser.add_argument("--data", type=Path, default=Path("runs/pde_suite"), help="folder of stores (%(default)s)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    asked = {
        "generation": lambda: generation(options.quick),
        "forecasting": lambda: [forecasting(options.quick)],
        "training": lambda: training(options.records, options.data, options.quick),
    }
    if unknown := set(options.questions.split(",")) - set(asked):
        parser.error(f"questions are {', '.join(asked)}, got {', '.join(unknown)}")
    rows = [row for question in options.questions.split(",") for row in asked[question]()]
    for row in rows:
        print(row)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


def row(case: str, ours: float, peer: float, name: str, unit: str = "CPU s") -> Row:
    """One comparison."""
    return {"case": case, "ours": ours, "peer": peer, "peer_name": name, "unit": unit, "ratio": ours / peer}


def least(run: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Least CPU seconds of so many runs after a first one, and what the last made."""
    made, found = run(), []
    for _ in range(repeats):
        seconds, made = timed(run)
        found.append(seconds)
    return min(found), made


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of a run, and what it made."""
    begun = time.process_time()
    made = run()
    return time.process_time() - begun, made


@dataclass(frozen=True)
class Match:
    """Two solvers of one equation, and where there is one its truth: what all three make has one shape."""

    ours: Callable[[], Any]
    peer: Callable[[], Any]
    truth: Callable[[], Any] | None = None


def generation(quick: bool) -> list[Row]:
    """Fronts and shocks on a line, flows and phases on a square, ours and exponax's."""
    try:
        import exponax
        import jax
    except ImportError:
        print("exponax is not installed: pip install exponax; the rows of generation are left out", file=sys.stderr)
        return []
    repeats, rows = (2 if quick else 8), []
    cases = {
        "ks-1d, 256 samples of 128 points, time 10": fronts,
        "burgers-1d, 64 samples of 512 points, time 0.25": shocks,
        "ns-gauss, 8 samples of 64 x 64 points, time 0.25": vortices,
        "ace, 4 samples of 128 x 128 points, time 2e-4": interfaces,
    }
    for precision in ("single", "double"):
        jax.config.update("jax_enable_x64", precision == "double")
        for case, of in cases.items():
            rows.append(compared(f"generation of {case}", of(exponax, jax, precision), repeats, precision))
    jax.config.update("jax_enable_x64", False)
    return rows


def compared(case: str, match: Match, repeats: int, precision: str) -> Row:
    """Least times of turns of two solvers whose solutions agree. Raises RuntimeError where they do not."""
    found, expected = match.ours(), match.peer()
    said = f"{case}, {precision}: solutions differ by {distance(found, expected):.1e}"
    if distance(found, expected) > 0.02:
        raise RuntimeError(f"two solvers of one equation agree, but {said}")
    if match.truth:
        truth = match.truth()
        mine, theirs = distance(found, truth), distance(expected, truth)
        said += f"; from the truth: {mine:.1e} and {theirs:.1e}"
        if mine > max(theirs, STORED):
            raise RuntimeError(f"times count at equal error, but {said}")
    print(said)
    turns = [(timed(match.ours)[0], timed(match.peer)[0]) for _ in range(repeats)]
    mine, theirs = (min(seconds) for seconds in zip(*turns, strict=True))
    return row(f"{case}, {precision} precision", mine, theirs, "exponax")


def distance(found: Any, expected: Any) -> float:
    """Mean error over the mean size."""
    return float(np.abs(found - expected).mean() / np.abs(expected).mean())


def fronts(exponax: Any, jax: Any, precision: str) -> Match:
    """Kuramoto–Sivashinsky in steps of 0.05, from waves."""
    stepper = exponax.stepper.KuramotoSivashinskyConservative(1, FRONT_LENGTH, 128, 0.05, order=4)
    later = exponax.repeat(stepper, 200)
    return on_a_line(jax, later, precision, 128, 200, 0.05, FRONT_LENGTH, lambda k: k**2 - k**4)


def shocks(exponax: Any, jax: Any, precision: str) -> Match:
    """Burgers' equation with viscosity 1e-2 in 512 steps, from waves."""
    stepper = exponax.stepper.Burgers(1, 1.0, 512, 0.25 / 512, diffusivity=1e-2, conservative=True, order=4)
    later = exponax.repeat(stepper, 512)
    return on_a_line(jax, later, precision, 512, 512, 0.25 / 512, 1.0, lambda k: -1e-2 * k**2)


def on_a_line(
    jax: Any, later: Any, precision: str, size: int, steps: int, step: float, length: float, rates: Callable[[Any], Any]
) -> Match:
    """2^15 points of ``u_t + (u^2 / 2)_x = rates u`` from random waves."""
    draws = (np.random.default_rng(number) for number in range(2**15 // size))
    start = np.stack([waves(draw, np.arange(size) / size, 4, 0.5) for draw in draws])[:, None]
    modes = wavenumbers(size, length)

    def solved(precision: str, shorter: int) -> Any:
        given, end, forcing = start.astype(precision), [steps * step], steepening(modes, size)
        return exponential(given, rates(modes)[None], forcing, end, step=step / shorter, axes=1, multistep=True)[:, 0]

    return Match(lambda: solved(precision, 2), in_portions(jax, later, start, 64), lambda: solved("double", 8))


def in_portions(jax: Any, later: Any, start: Any, samples: int) -> Callable[[], Any]:
    """The peer's run of a batch, so many samples at a time: as many as it is fastest with."""
    compiled = jax.jit(jax.vmap(later))
    given = [jax.numpy.asarray(part) for part in start.reshape(-1, samples, *start.shape[1:])]
    return lambda: np.concatenate([compiled(part) for part in given])


def interfaces(exponax: Any, jax: Any, precision: str) -> Match:
    """Allen and Cahn's equation to the published time from samples of ace, which ours steps by what is stable."""
    size, samples, end, sharpness = 128, 4, 2e-4, 220.0
    grid = PeriodicGrid(resolution=size)
    start = problem("ace").solve(samples, resolution=size, times=[1e-5])[:, 0, 0].astype(precision)
    rate = grid.largest**2 + 2 * sharpness**2
    steps = int(np.ceil(end * rate / 1.5))
    stepper = exponax.stepper.reaction.AllenCahn(
        2, 1.0, size, end / steps, diffusivity=1.0, first_order_coefficient=sharpness**2,
        third_order_coefficient=-(sharpness**2), order=4,
    )  # fmt: skip
    peer = in_portions(jax, exponax.repeat(stepper, steps), start[:, None], 2)
    return Match(lambda: allen_cahn(start, grid, [end])[:, 0, 0], lambda: peer()[:, 0])


def vortices(exponax: Any, jax: Any, precision: str) -> Match:
    """Incompressible flow with viscosity 1e-3: the vorticity of samples of ns-gauss."""
    grid, samples, end = PeriodicGrid(resolution=64, dealiased=True), 8, 0.25
    flow = problem("ns-gauss").solve(samples, resolution=64, times=[0.5])[:, 0].astype(precision)
    spectra = np.stack([curl(velocity, grid)[0] for velocity in flow]) * grid.kept
    spectra = spectra.astype(np.result_type(precision, "F"))
    still = np.zeros((samples, 2))
    speed = float(np.sqrt((flow**2).sum(axis=1).max()))
    steps = int(np.ceil(end * (grid.largest_kept * speed + 1e-3 * grid.largest_kept**2) / 1.5))
    damping = newtonian(grid, 1e-3)
    stepper = exponax.stepper.NavierStokesVorticity(2, 1.0, 64, end / steps, diffusivity=1e-3, order=4)
    turned = -grid.backward(spectra)[:, None]  # its vorticity turns the other way
    peer = in_portions(jax, exponax.repeat(stepper, steps), turned, 2)

    def ours() -> Any:
        path = navier_stokes(spectra, still, grid, [end], damping=damping)[:, 0]
        return np.stack([grid.backward(curl(velocity, grid)[0]) for velocity in path])

    return Match(ours, lambda: -peer()[:, 0])


def forecasting(quick: bool) -> Row:
    """Eight frames ahead in flows from Gaussian vortices, which `pde-nano` was pretrained on; other samples."""
    samples, ahead = (2 if quick else 8), 0.2
    known, numbers = problem("ns-gauss"), list(range(10_000, 10_000 + (2 if quick else 8)))
    times = [0.0, ahead]
    truth = known.solve(numbers, resolution=128, times=times)[..., ::2, ::2]
    model = humboldt.from_pretrained("humboldt/pde-nano")
    fields = torch.full((samples, len(model.config.inputs), 64, 64), torch.nan)
    fields[:, :2] = torch.from_numpy(truth[:, 0])
    batch = FieldBatch(fields, torch.full((samples,), ahead), periodic=(True, True))

    def forecast() -> np.ndarray:
        with torch.no_grad():
            return model.eval()(batch).fields[:, :2].numpy()

    cost, made = least(forecast, 2)
    error = relative(made, truth[:, 1])
    for resolution in (8, 12, 16, 20, 24, 32, 40, 48, 64):
        cheap, path = least(lambda: known.solve(numbers, resolution=resolution, times=times)[:, 1], 1)  # noqa: B023
        reached = relative(finer(path, 64), truth[:, 1])
        print(f"solver at {resolution}: error {reached:.4f}, {cheap:.3f} s; pde-nano: {error:.4f}, {cost:.3f} s")
        if reached <= error:
            break
    name = f"our solver at {resolution} x {resolution}, as near to the truth ({reached:.3f} against {error:.3f})"
    return row("forecast of ns-gauss over 0.2, 64 x 64", cost / samples, cheap / samples, name)


def finer(fields: np.ndarray, size: int) -> np.ndarray:
    """Fields on more points, by their Fourier series."""
    spectrum = np.fft.rfft2(fields, norm="forward")
    small, out = fields.shape[-1], np.zeros((*fields.shape[:-2], size, size // 2 + 1), complex)
    half = small // 2
    out[..., :half, :half] = spectrum[..., :half, :half]
    out[..., 1 - half :, :half] = spectrum[..., 1 - half :, :half]
    return np.fft.irfft2(out, s=(size, size), norm="forward")


def relative(made: np.ndarray, truth: np.ndarray) -> float:
    """Median over samples of the relative L1."""
    above, below = (np.abs(x).sum(axis=(1, 2, 3)) for x in (made - truth, truth))
    return float(np.median(above / below))


def training(records: Path, folder: Path, quick: bool) -> list[Row]:
    """CPU seconds of training until a model is as good as the FNO with the most trajectories, which has its record.

    Runs of 10, 20, 40, ... steps, each with its own decay of the rates, on as many trajectories as the FNO had; what
    counts is the first that is as good. Where the twin never is, its longest run stands for it, and the row says so.
    """
    lines = [json.loads(line) for line in records.read_text().splitlines()] if records.exists() else []
    reference = [line for line in lines if line["family"] == FAMILY and line["model"] == "fno"]
    if not reference:
        print(f"no records of the FNO on {FAMILY}: the row of training is left out", file=sys.stderr)
        return []
    most = max(line["trajectories"] for line in reference)
    aim = float(np.mean([line["error"] for line in reference if line["trajectories"] == most]))
    sys.path.append(str(Path(__file__).resolve().parent / "pde_suite"))
    from families import FAMILIES, open_family
    from run import scores

    data = open_family(FAMILY, folder, train=most, test=8, resolution=64)
    budgets, found = ((10, 20) if quick else (10, 20, 40, 80, 160, 320)), {}
    for name in ("pde-nano", "random twin"):
        start = humboldt.from_pretrained("humboldt/pde-nano", random=name != "pde-nano", seed=0)
        for steps in budgets:
            begun = time.process_time()
            model = humboldt.finetune(
                start, data.split("train"), steps=steps, batch_size=8, warmup=steps // 20, progress=False
            )
            seconds = time.process_time() - begun
            error = float(scores(model, data, FAMILIES[FAMILY])["error"] or np.inf)
            print(f"{name} in {steps} steps, {seconds:.0f} s: {error:.4f}; the FNO: {aim:.4f}", flush=True)
            found[name] = (seconds, error <= aim)
            if error <= aim:
                break
    (ours, there), (peer, came) = found["pde-nano"], found["random twin"]
    case = f"training on {FAMILY} to the error of the FNO with {most} trajectories ({aim:.3f})"
    if not there:
        print(f"pde-nano did not get there in {budgets[-1]} steps: {case} is left out", file=sys.stderr)
        return []
    return [row(case, ours, peer, "random twin" if came else f"random twin, not there after {budgets[-1]} steps")]


if __name__ == "__main__":
    main()
