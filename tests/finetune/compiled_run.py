"""Runs of a compiled core in two processes that hold it whole, and in two by rows (without checks of shapes).

`python -m tests.finetune.compiled_run FOLDER`
"""

import sys
from functools import partialmethod
from pathlib import Path

from torch import nn

from tests.finetune.processes import together
from tests.finetune.test_strategy import RECIPE, run


def compiled(folder: Path, strategy: str) -> None:
    """Fails where the core was not compiled."""
    graphs = []

    def counted(graph, _):
        graphs.append(graph)
        return graph

    nn.Module.compile = partialmethod(nn.Module.compile, backend=counted)  # type: ignore[assignment, method-assign]
    run(folder, recipe=RECIPE.replace(compile=True, strategy=strategy), validation=8)
    assert graphs


def main(folder: str) -> None:
    """Each in the folder of its name."""
    for size, strategy in ((2, "ddp"), (2, "fsdp")):
        codes = together(size, compiled, Path(folder) / f"{size}-{strategy}", strategy)
        assert codes == [0] * size, (size, strategy, codes)


if __name__ == "__main__":
    main(*sys.argv[1:])
