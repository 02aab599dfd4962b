"""A program computes what the model does, on inputs that it was not traced with."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from humboldt.cli import main
from humboldt.domains.pde import FieldBatch
from humboldt.exporting import ExportError, export
from humboldt.pretrained import embedded
from tests.domains.biodiversity.distribution import small as species
from tests.finetune.tiny import tiny_model

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


def test_a_program_runs_without_the_model(tmp_path):
    model = tiny_model().eval()
    assert export(model, tmp_path / "model.pt2", grid=(16, 16)) < 1e-5
    fields, lead_time = torch.randn(2, 2, 16, 16), torch.tensor([0.3, 0.9])
    found = torch.export.load(tmp_path / "model.pt2").module()(fields, lead_time)
    expected = model(FieldBatch(fields=fields, lead_time=lead_time, periodic=(True, True))).fields
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt2"]


def test_a_program_that_computes_something_else_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr("humboldt.domains.pde.program.FieldProgram.tolerance", -1.0)
    with pytest.raises(ExportError, match=r"computes what the model does to -1, got .*; nothing was written"):
        export(tiny_model(), tmp_path / "model.pt2", grid=(16, 16))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_is_said_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=10_000_000))
    with pytest.raises(ExportError, match=r"a program needs \d+ MB, 10 MB of .* are free; free some space"):
        export(tiny_model(), tmp_path / "tiny.pt2", grid=[16, 16])
    assert not list(tmp_path.iterdir())
    with pytest.raises(ExportError, match=r"written into a folder that is there, got .*none.*; make"):
        export(tiny_model(), tmp_path / "none" / "tiny.pt2", grid=[16, 16])


def test_what_cannot_be_exported(tmp_path, monkeypatch):
    model = tiny_model()
    with pytest.raises(ExportError, match="exported to torch-export or onnx, got 'tflite'; choose one of them"):
        export(model, tmp_path / "m", format="tflite")
    with pytest.raises(ValueError, match=r"has the choices \['grid', 'periodic', 'samples'\], got 'length'"):
        export(model, tmp_path / "m", length=3)
    with pytest.raises(ValueError, match=r"a number of points for each of 2 space axes, got \[16\]"):
        export(model, tmp_path / "m", grid=[16])
    with pytest.raises(ExportError, match=r"into files called \*\.pt2, got 'm'; call it model.pt2"):
        export(model, tmp_path / "m", grid=(16, 16))
    monkeypatch.setattr("humboldt.exporting.LARGEST", 1000)
    with pytest.raises(ExportError, match=r"holds weights of 1e-06 GB, got .* GB; take --format torch-export"):
        export(model, tmp_path / "m", format="onnx", grid=(16, 16))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.integration
def test_a_model_of_fields_as_onnx(tmp_path):
    import onnxruntime

    model = tiny_model().eval()
    assert export(model, tmp_path / "fields.onnx", format="onnx", grid=(16, 16)) < 1e-5
    session = onnxruntime.InferenceSession(tmp_path / "fields.onnx")
    fields, lead_time = torch.randn(2, 2, 16, 16), torch.tensor([0.3, 0.9])
    (found,) = session.run(["forecast"], {"fields": fields.numpy(), "lead_time": lead_time.numpy()})
    expected = model(FieldBatch(fields=fields, lead_time=lead_time, periodic=(True, True))).fields
    torch.testing.assert_close(torch.from_numpy(found), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.integration
def test_operations_that_onnx_has_not_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr("humboldt.exporting.DECOMPOSITIONS", {})
    sizes = {"variables": 4, "presences": 6, "contrast": 10, "background": 20, "queries": 5}
    with pytest.raises(ExportError, match=r"got aten\.searchsorted, which it has not; take --format torch-export"):
        export(species.network(), tmp_path / "species.onnx", format="onnx", **sizes)
    assert list(tmp_path.iterdir()) == []


EMBEDDED = {
    "pde-nano": "{grid: [32, 32]}",
    "pde-nano-fine": "{grid: [32, 32]}",
    "weather-nano": "{grid: [16, 32]}",
    "molecules-nano": "{length: 12}",
    "biodiversity-nano": "{variables: 5, species: 2}",
    "populations-nano": "{sites: 5, years: 12}",
}


def test_every_embedded_model_is_tried():
    assert {f"humboldt/{name}" for name in EMBEDDED} == embedded().keys()


@pytest.mark.integration
@pytest.mark.parametrize("name", EMBEDDED)
def test_the_embedded_models_as_a_command(tmp_path, capsys, monkeypatch, name):
    """In both formats, traced once; each file is compared with the model that its command has read."""
    trace, traced = torch.export.export, list[Any]()

    def once(*given):
        traced.append(traced[0] if traced else trace(*given))
        return traced[0]

    monkeypatch.setattr("torch.export.export", once)
    for format in ("torch-export", "onnx"):
        words = ["export", f"humboldt/{name}", "--format", format, "--output", str(tmp_path / "nano.pt2")]
        assert main([*words, "--sizes", EMBEDDED[name]]) == 0
        told = capsys.readouterr().out
        print(name, format, told)
        assert "largest difference to the model" in told
    assert len(traced) == 2


def test_without_the_extra_the_error_names_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r'onnxruntime: pip install "humboldt\[export\]"'):
        export(tiny_model(), tmp_path / "m.onnx", format="onnx", grid=(16, 16))
    assert list(tmp_path.iterdir()) == []
