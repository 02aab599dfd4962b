"""Run our model on one golden case of a published model and write what it computes.

    python tests/parity/replay.py CASE OUT.safetensors [--dtype float64]
    python tests/parity/replay.py TABLE.json OUT.json

CASE is a folder with `config.json`, `weights.safetensors` and `inputs.safetensors`, or with `info.json` and data files;
expected values are never opened.
TABLE is one of the tables of sequences of G2PT: OUT says the same with our sequences and molecules in it. Where OUT
ends in `.safetensors`, it holds the sequences as `0.bfs.ids`, and the table as its metadata.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import torch  # noqa: E402
from replays import bioanalyst, g2pt, poseidon, prithvi_wxc, prithvi_wxc_loader  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

# each has recognises(config) and replay(case, dtype)
SYSTEMS = (bioanalyst, g2pt, poseidon, prithvi_wxc, prithvi_wxc_loader)


def replay(case: Path, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """Every tensor that the fixtures' README of the case's system names, by the system that knows its configuration."""
    described = next(path for path in (case / "config.json", case / "info.json") if path.is_file())
    config = json.loads(described.read_text())
    for system in SYSTEMS:
        if system.recognises(config):
            return system.replay(case, dtype)
    names = ", ".join(system.__name__.rpartition(".")[2] for system in SYSTEMS)
    raise SystemExit(f"config.json of {case} is of none of the systems that can be replayed ({names})")


def write_table(table: dict[str, Any], out: Path) -> None:
    """As JSON, or as tensors with the JSON beside them."""
    if out.suffix != ".safetensors":
        out.write_text(json.dumps(table, indent=1) + "\n")
        return
    orders = [(i, o, case[o]) for i, case in enumerate(table["cases"]) for o in ("bfs", "deg") if o in case]
    ids = {f"{i}.{order}.ids": torch.tensor(found["ids"]) for i, order, found in orders}
    save_file(ids, out, {"table": json.dumps(table)})


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", type=Path, help="folder of the golden case, or a table")
    parser.add_argument("out", type=Path, help="safetensors file to write")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32", help="default: float32")
    choices = parser.parse_args()
    torch.set_num_threads(1)
    if choices.case.is_file():
        write_table(g2pt.replay_table(choices.case), choices.out)
    else:
        save_file(replay(choices.case, getattr(torch, choices.dtype)), choices.out)


if __name__ == "__main__":
    main()
