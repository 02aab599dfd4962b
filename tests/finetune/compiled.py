"""Every hook on the layers that it accepts, compiled as one graph (in a process without checks of shapes)."""

import torch

from humboldt.finetune import METHODS, HookAdapter, method
from humboldt.finetune.testing import check_layer
from tests.finetune.layers import LAYERS
from tests.finetune.notes import ELSEWHERE, SMALL


def main() -> None:
    """Fails at the first that does not compile, or computes something else; says how many there were."""
    torch.set_num_threads(1)
    count = 0
    for name, kind in sorted(METHODS.items()):
        if not issubclass(kind, HookAdapter) or name in ELSEWHERE:
            continue
        for layer in ("linear", "convolution", "feed-forward"):
            made, x = LAYERS[layer]()
            if kind.accepts(made):
                way = method(name, **SMALL.get(name, {}))
                assert isinstance(way, HookAdapter)
                check_layer(way.hook, made, x, tolerance=kind.start_tolerance, told={"task": 1}, compiled=True)
                count += 1
    print(count)


if __name__ == "__main__":
    main()
