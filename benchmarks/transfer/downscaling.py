"""What is a pretrained model worth for a finer grid?  humboldt/weather-nano beside its twin, a U-Net and bicubic.

    python benchmarks/transfer/downscaling.py --data FOLDER --output docs/experiments/records/downscaling.jsonl

FOLDER holds `era5_members_3deg/era5-levels-members.grib`: temperature and geopotential on 850 and 500 hPa, ten members,
60 x 120 points after cropping. The coarse state is the area mean of 6 x 6 or 12 x 12 points. Trained on the two times
of the first day, scored on those of the second, both on all members. All models see as many samples in as many steps.
The U-Net (diffusers) works on the bicubic state and the sine of latitude, on the fine grid, and predicts the correction
of the bicubic state, as our head does. Runs that are recorded are not made again; the table is written beside.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

import humboldt
from humboldt.domains.weather import Downscaling, TaskBatch, bicubic, task_errors
from humboldt.domains.weather.adapt import arranged
from humboldt.domains.weather.downscaling import around, standard
from humboldt.domains.weather.heads import squared_error

FACTORS, STEPS, BATCH = (6, 12), 30, 4
RATES = {"optimiser": "muon", "core_rate": 3e-3, "embedding_rate": 3e-3, "norm_rate": 3e-3}
SPLIT = {"train": ("2017-01-01T00", "2017-01-01T12"), "test": ("2017-01-02T00", "2017-01-02T12")}
PLACE = ["latitude", "longitude", "sin_latitude", "cos_latitude"]


class UNet(nn.Module):
    """Bicubic state + deviation * network(bicubic state, details); residual blocks on three scales, no attention.

    Beyond the borders lie `margin` more points: around the circle, and the nearest row beyond the poles.
    """

    def __init__(self, data: Downscaling, *, width: int = 16, margin: int = 8) -> None:
        super().__init__()
        from diffusers import UNet2DModel

        mean, std = (torch.from_numpy(x).float().view(-1, 1, 1) for x in data.output_statistics())
        self.factor, self.mean, self.std, self.margin = data.factor, mean, std, margin
        self.network = UNet2DModel(
            in_channels=len(mean) + len(data.details), out_channels=len(mean),
            block_out_channels=(width, 2 * width, 4 * width), layers_per_block=1, norm_num_groups=8,
            down_block_types=("DownBlock2D",) * 3, up_block_types=("UpBlock2D",) * 3, add_attention=False,
        )  # fmt: skip
        for parameter in self.network.conv_out.parameters():
            nn.init.zeros_(parameter)

    def forward(self, batch: TaskBatch) -> Tensor:
        """The fine state in physical units."""
        assert batch.grid is not None
        assert batch.details is not None
        base = (bicubic(batch.fields[:, -1], self.factor, batch.grid.periodic) - self.mean) / self.std
        seen = around(torch.cat([base, standard(batch.details)], dim=1), batch.grid.periodic, self.margin)
        correction = self.network(seen, torch.zeros(len(seen))).sample
        inside = slice(self.margin, -self.margin)
        return (base + correction[..., inside, inside]) * self.std + self.mean

    def loss(self, batch: TaskBatch) -> Tensor:
        """That of our head."""
        assert batch.answer is not None
        assert batch.answer_grid is not None
        rows = torch.as_tensor(batch.answer_grid.cosine_weights()).float()
        return squared_error(self(batch), batch.answer, rows, self.std[:, 0, 0] ** -2)


def trained_unet(data: Downscaling, steps: int, seed: int, rate: float = 1e-3) -> UNet:
    """AdamW, cosine decay to 0, clipping; every sample once before any is seen again."""
    chance = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = UNet(data)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-6)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    order: list[int] = []
    for _ in range(steps):
        order = order if len(order) >= BATCH else order + torch.randperm(len(data), generator=chance).tolist()
        optimiser.zero_grad(set_to_none=True)
        model.loss(data.batch(order[:BATCH])).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        order = order[BATCH:]
        optimiser.step()
        schedule.step()
    return model.eval()


def pairs(path: Path, factor: int) -> Downscaling:
    """Coarse and fine states of the analyses."""
    data = humboldt.open(path, domain="weather", static=PLACE, split=SPLIT, lead_times=[0])
    data.data.load()  # 2 MB, which would be decoded anew for every sample
    return Downscaling(fine=data, factor=factor)


def errors(data: Downscaling, name: str, seed: int, model: str, steps: int = STEPS) -> dict[str, float]:
    """RMSE of every channel on the test part."""
    test = data.split("test")
    if name == "bicubic":
        made: Any = lambda batch: bicubic(batch.fields[:, -1], data.factor, batch.grid.periodic)  # noqa: E731
    elif name == "unet":
        made = trained_unet(data.split("train"), steps, seed)
    else:
        started = humboldt.from_pretrained(model, random=name == "twin", seed=seed)
        made = humboldt.finetune(
            started, data, task="downscaling", steps=steps, batch_size=BATCH, seed=seed, warmup=5, progress=False,
            **RATES,
        )  # fmt: skip
        test = arranged(test, made)
    with torch.no_grad():
        rmse = task_errors({name: made}, test)["rmse"].sel(forecast=name)
    return dict(zip(rmse["channel"].values.tolist(), rmse.values.round(5).tolist(), strict=True))


def runs(seeds: int) -> Iterator[tuple[int, str, int]]:
    """(factor, forecast, seed)."""
    yield from ((factor, "bicubic", 0) for factor in FACTORS)
    names = ("weather-nano", "twin", "unet")
    yield from ((factor, name, seed) for seed, factor, name in product(range(seeds), FACTORS, names))


def report(lines: Sequence[dict[str, Any]]) -> str:
    """RMSE over that of bicubic interpolation, mean over channels; mean and spread over seeds."""
    base = {x["factor"]: x["rmse"] for x in lines if x["forecast"] == "bicubic"}
    rows = [
        {"factor": x["factor"], "forecast": x["forecast"], "channel": name, "value": value / base[x["factor"]][name]}
        | {"seed": x["seed"]}
        for x in lines
        for name, value in x["rmse"].items()
    ]
    means = pd.DataFrame(rows).groupby(["factor", "forecast", "seed"])["value"].mean().reset_index()
    found = means.groupby(["factor", "forecast"])["value"].agg(["mean", "std", "count"])
    text = ["| factor | model | RMSE / bicubic | seeds |", "|---:|---|---:|---:|"]
    for (factor, forecast), row in found.iterrows():  # type: ignore[misc]
        spread = "" if row["count"] < 2 else f" ± {row['std']:.3f}"
        text.append(f"| {factor} | {forecast} | {row['mean']:.3f}{spread} | {row['count']:.0f} |")
    return "\n".join(text) + "\n"


def main() -> None:
    """Make the runs that are missing, then the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--output", type=Path, required=True, help="records, .jsonl")
    parser.add_argument("--model", default="humboldt/weather-nano")
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    given = parser.parse_args()
    torch.set_num_threads(1)
    lines = [json.loads(x) for x in given.output.read_text().splitlines()] if given.output.exists() else []
    done = {(x["factor"], x["forecast"], x["seed"]) for x in lines}
    for factor, name, seed in runs(given.seeds):
        if (factor, name, seed) in done:
            continue
        data, begun = pairs(given.data / "era5_members_3deg" / "era5-levels-members.grib", factor), time.process_time()
        rmse = errors(data, name, seed, given.model)
        used = round(time.process_time() - begun, 1)
        lines.append({"factor": factor, "forecast": name, "seed": seed, "rmse": rmse, "cpu_seconds": used})
        given.output.parent.mkdir(parents=True, exist_ok=True)
        given.output.write_text("".join(json.dumps(x) + "\n" for x in lines))
        print(factor, name, seed, rmse, f"{used:.0f} s", flush=True)
    given.output.with_suffix(".txt").write_text(report(lines))
    print(report(lines))


if __name__ == "__main__":
    main()
