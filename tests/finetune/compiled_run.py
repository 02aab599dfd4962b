"""A run of a compiled core, as one of several processes that are launched (without checks of shapes).

`python -m tests.finetune.compiled_run FOLDER STRATEGY`
"""

import sys
from functools import partialmethod
from pathlib import Path

from torch import nn

from tests.finetune.test_strategy import RECIPE, run


def main(folder: str, strategy: str) -> None:
    """Fails where the core was not compiled."""
    graphs = []

    def counted(graph, _):
        graphs.append(graph)
        return graph

    nn.Module.compile = partialmethod(nn.Module.compile, backend=counted)  # type: ignore[assignment, method-assign]
    run(Path(folder), recipe=RECIPE.replace(compile=True, strategy=strategy))
    assert graphs


if __name__ == "__main__":
    main(*sys.argv[1:])
