"""Functions of ONNX, run by a runtime of ONNX."""

import pytest
import torch
from torch import nn

pytest.importorskip("onnxscript")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


class Axes(nn.Module):
    """Matrices to their eigenvalues and vectors."""

    def forward(self, matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        values, vectors = torch.linalg.eigh(matrix)
        return values, vectors


@pytest.mark.integration
@pytest.mark.parametrize("size", [1, 2, 5, 20])
def test_eigenvalues_and_vectors(tmp_path, size):
    import onnxruntime

    from humboldt.onnx_functions import FUNCTIONS

    half = torch.randn(3, 50, size, dtype=torch.float64, generator=torch.Generator().manual_seed(size))
    matrix = half.mT @ half
    matrix[2] = torch.eye(size).double()  # nothing to turn
    path = tmp_path / "axes.onnx"
    program = torch.export.export(Axes(), (matrix,))
    made = torch.onnx.export(program, dynamo=True, verbose=False, custom_translation_table=FUNCTIONS)
    made.save(path)
    session = onnxruntime.InferenceSession(path)
    found = session.run(None, {session.get_inputs()[0].name: matrix.numpy()})
    values, vectors = map(torch.from_numpy, found)
    torch.testing.assert_close(values, torch.linalg.eigvalsh(matrix), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(vectors @ (values.unsqueeze(-1) * vectors.mT), matrix, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(vectors.mT @ vectors, torch.eye(size).double().expand(3, -1, -1), rtol=0, atol=1e-12)
