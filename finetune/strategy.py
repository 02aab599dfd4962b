"""How several processes share a model: whole in each of them (DDP), or each its rows of every parameter (FSDP2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.environments import ClusterEnvironment
from lightning.pytorch.plugins.io import TorchCheckpointIO
from lightning.pytorch.strategies import DDPStrategy, ModelParallelStrategy

from humboldt.foundations import ConfigError

from .logbook import RunFolderError
from .method import Method
from .recipe import Recipe
from .world import World


def strategy(recipe: Recipe, here: World) -> dict[str, Any]:
    """What Lightning's trainer is told."""
    if here.size == 1:
        return {"plugins": [Direct()]}
    if recipe.strategy == "ddp":
        return {"strategy": DDPStrategy(find_unused_parameters=True), "plugins": [Launched(here), Direct()]}
    return {"strategy": Rows(here), "plugins": [Launched(here)]}


def by_rows(recipe: Recipe, here: World) -> bool:
    """Whether each process holds only its rows of the parameters."""
    return recipe.strategy == "fsdp" and here.size > 1


def require_rows(recipe: Recipe, method: Method) -> None:
    """Refuse a method that needs whole parameters where each process holds its rows.

    Raises:
        ConfigError: such a method.
    """
    if recipe.strategy == "fsdp" and not method.by_rows:
        raise ConfigError(
            f"by rows (strategy fsdp) a method trains parameters as they are, got {method.name!r}; take full, head or "
            "norms, or strategy: ddp"
        )


def require_kind(checkpoint: str, recipe: Recipe, here: World) -> None:
    """Refuse a checkpoint of rows in a process alone, and a whole one where processes share parameters.

    Raises:
        ConfigError: such a checkpoint.
    """
    if (rows := Path(checkpoint).is_dir()) != by_rows(recipe, here):
        begun = "by several processes, each with its rows" if rows else "by one process, with whole parameters"
        raise ConfigError(
            f"with strategy fsdp one process, or several, go on with what was begun by as many, got {checkpoint}, "
            f"written {begun}, and {here.size} processes; start {'two or more' if rows else 'one'}, or --overwrite"
        )


class Direct(TorchCheckpointIO):
    """Writes a checkpoint where it is told to. Lightning's own makes two copies in memory and one in the system's
    folder for temporary files, which on compute nodes is small or memory as well."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write it; who calls this puts it in its place.

        Raises:
            RunFolderError: the disk is full, or broken.
        """
        try:
            torch.save(checkpoint, path)
        except (OSError, RuntimeError) as error:  # the second is what PyTorch says of a full disk
            what = (str(error).splitlines() or [type(error).__name__])[0]
            size = 0
            if Path(path).is_file():  # half a checkpoint, in the room that the next one needs
                size = Path(path).stat().st_size
                Path(path).unlink()
            raise RunFolderError(
                f"a checkpoint is written into a folder with room for it, but {Path(path).parent} refused more than "
                f"{size} bytes ({what}); the one before is unchanged: free some space, or lift the limit on the size "
                "of files (ulimit -f), and the same command goes on from there"
            ) from error


class Launched(ClusterEnvironment):
    """What Lightning asks of a cluster, answered by a `World`."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    @property
    def creates_processes_externally(self) -> bool:
        """They run already."""
        return True

    @property
    def main_address(self) -> str:
        """Of the machine of rank 0."""
        return self.world.address

    @property
    def main_port(self) -> int:
        """Where they meet."""
        return self.world.port

    @staticmethod
    def detect() -> bool:
        """Never chosen by itself."""
        return False

    def world_size(self) -> int:
        """All processes."""
        return self.world.size

    def set_world_size(self, size: int) -> None:
        """The launcher decides."""

    def global_rank(self) -> int:
        """Of this one."""
        return self.world.rank

    def set_global_rank(self, rank: int) -> None:
        """The launcher decides."""

    def local_rank(self) -> int:
        """Of this one on its machine."""
        return self.world.local_rank

    def node_rank(self) -> int:
        """Of its machine."""
        return self.world.rank // self.world.local_size


class Rows(ModelParallelStrategy):
    """FSDP2 over all processes; a checkpoint is a folder into which every process writes its rows (DCP).

    The best weights so far (see `resume.Best`) lie beside the present ones.
    """

    def __init__(self, world: World) -> None:
        super().__init__(data_parallel_size=world.size, tensor_parallel_size=1)

    def save_checkpoint(self, checkpoint: dict[str, Any], filepath: Any, storage_options: Any = None) -> None:
        """Write it; every process calls this."""
        best = checkpoint["callbacks"].get("Best", {})
        checkpoint["state_dict"] |= {BEST + name: value for name, value in best.pop("weights", {}).items()}
        super().save_checkpoint(checkpoint, filepath, storage_options)

    def load_checkpoint(self, checkpoint_path: Any, weights_only: bool | None = None) -> dict[str, Any]:
        """Fill the model and the optimiser by rows, however many processes wrote it; returns the rest."""
        found = super().load_checkpoint(checkpoint_path, weights_only)
        best = found["callbacks"].get("Best")
        if best is not None:
            best["weights"] = self._best(Path(checkpoint_path)) if best["step"] else {}
        return found

    def _best(self, path: Path) -> dict[str, Any]:
        import torch.distributed.checkpoint as dcp

        task: Any = self.lightning_module
        place = {BEST + name: torch.empty_like(value, device="cpu") for name, value in task.result.state_dict().items()}
        dcp.load({"state_dict": place}, checkpoint_id=path)
        return {name.removeprefix(BEST): value for name, value in place.items()}


BEST = "best."
