"""Every golden case of G2PT: outputs within the stated tolerances, sequences and molecules exactly."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

pytestmark = pytest.mark.parity

HERE = Path(__file__).resolve().parent
CASES = HERE / "cases" / "g2pt"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", ["lm_qm9", "lm_guacamol_bias", "hf_qm9", "train_qm9"])
def test_outputs_agree(replay, case, dtype):
    found, expected = replay(CASES / case, dtype), load_file(CASES / case / "expected.safetensors")
    for name, value in expected.items():
        if value.is_floating_point():
            assert found[name].dtype == dtype
            torch.testing.assert_close(found[name].float(), value, rtol=1e-4, atol=2e-5, msg=name)
        else:
            assert torch.equal(found[name], value), name


def test_the_approximate_gelu_makes_the_difference(replay):
    exact = load_file(CASES / "lm_qm9" / "expected.safetensors")["logits"]
    found = replay(CASES / "hf_qm9", torch.float32)["logits"]
    stated = json.loads((CASES / "hf_qm9" / "config.json").read_text())["max_abs_difference_to_exact_gelu"]
    assert (found - exact).abs().max().item() == pytest.approx(stated, rel=0.02)


def test_the_rates_follow_from_the_schedule(replay_command):
    fields = json.loads((CASES / "train_qm9" / "config.json").read_text())
    stated = fields.pop("lrs")
    assert replay_command.g2pt.rates(fields) == pytest.approx(stated)


@pytest.mark.parametrize("table", ["tokenise", "decode"])
def test_tables_agree(replay_command, tmp_path, table):
    whole = json.loads((CASES / f"{table}.json").read_text())
    asked: dict[str, Any] = json.loads((CASES / f"{table}.json").read_text())
    for case in asked["cases"]:
        for name in ("plain", "charged"):
            case.pop(name, None)
        for order in ("bfs", "deg"):
            for name in ("text", "ids", "decoded", "decoded_edges"):
                case.get(order, {}).pop(name, None)
    (tmp_path / "asked.json").write_text(json.dumps(asked))
    assert replay_command.g2pt.replay_table(tmp_path / "asked.json") == whole


def test_molecules_are_read_as_listed(replay_command):
    for case in json.loads((CASES / "tokenise.json").read_text())["cases"]:
        if case["smiles"]:
            vocabulary = replay_command.g2pt.PUBLISHED[case["dataset"]]
            listed = replay_command.g2pt.read_graph(case, vocabulary)
            del case["nodes"]
            assert replay_command.g2pt.read_graph(case, vocabulary) == listed


def test_the_command_needs_no_expected_values(tmp_path):
    case = tmp_path / "case"
    shutil.copytree(CASES / "train_qm9", case, ignore=shutil.ignore_patterns("expected*"))
    subprocess.run([sys.executable, HERE / "replay.py", case, tmp_path / "out.safetensors"], check=True, cwd=tmp_path)
    assert load_file(tmp_path / "out.safetensors")["losses"].shape == (6,)


def test_tables_are_written_as_json_or_tensors(replay_command, tmp_path):
    whole = json.loads((CASES / "tokenise.json").read_text())
    for name in ("out.json", "out.safetensors"):
        replay_command.write_table(whole, tmp_path / name)
    assert json.loads((tmp_path / "out.json").read_text()) == whole
    assert load_file(tmp_path / "out.safetensors")["0.deg.ids"].tolist() == whole["cases"][0]["deg"]["ids"]
