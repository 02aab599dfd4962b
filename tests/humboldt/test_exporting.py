"""A program computes what the model does, on states that it was not traced with."""

import pytest
import torch

from humboldt.cli import main
from humboldt.domains.pde import FieldBatch
from humboldt.exporting import ExportError, export
from tests.finetune.tiny import tiny_model


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_a_program_runs_without_the_model(tmp_path):
    model = tiny_model().eval()
    assert export(model, tmp_path / "model.pt2", grid=(16, 16)) < 1e-5
    fields, lead_time = torch.randn(2, 2, 16, 16), torch.tensor([0.3, 0.9])
    found = torch.export.load(tmp_path / "model.pt2").module()(fields, lead_time)
    expected = model(FieldBatch(fields=fields, lead_time=lead_time, periodic=(True, True))).fields
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt2"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_a_program_that_computes_something_else_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr("humboldt.exporting.TOLERANCE", -1.0)
    with pytest.raises(ExportError, match=r"computes what the model does to -1, got .*; nothing was written"):
        export(tiny_model(), tmp_path / "model.pt2", grid=(16, 16))
    assert list(tmp_path.iterdir()) == []


def test_other_domains_are_refused(tmp_path):
    model = tiny_model()
    model.domain = "graphs"
    with pytest.raises(ExportError, match="models of the pde domain are exported, got one of 'graphs'"):
        export(model, tmp_path / "model.pt2")


@pytest.mark.integration
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_the_embedded_model_as_a_command(tmp_path, capsys):
    words = ["export", "humboldt/pde-nano", "--output", str(tmp_path / "nano.pt2"), "--grid", "[32, 32]"]
    assert main(words) == 0
    assert "largest difference to the model" in capsys.readouterr().out
