"""Several low-rank adapters made one, by HF peft: sums, concatenations, and merges that settle disagreements."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

from humboldt.foundations import CheckpointError, ConfigError, Model

from .adapter_file import base_hash, read_adapter, trunk_of
from .method import method
from .peft_adapter import PeftAdapter

Way = Literal["cat", "linear", "svd", "ties", "dare_linear", "dare_ties", "magnitude_prune"]


def weighted(model: Model, adapters: Mapping[str | Path, float], how: Way = "cat", *, density: float = 0.5) -> Model:
    """A copy of a model with the weighted merge of some adapters of the method `lora`; its weights are plain again.

    Embedding and head stay those of the model: adapters that trained them whole do not agree on one.

    Args:
        model: the base of all adapters.
        adapters: their folders, with weights.
        how: `cat` is the exact sum; `linear` adds the factors; `svd` is the sum at the rank of the largest; `ties`
            (arXiv 2306.01708) and `dare_...` (arXiv 2311.03099) keep a share of the entries and settle signs.
        density: that share.

    Raises:
        ConfigError: no adapter, one of another method, or ranks that `how` cannot add.
        CheckpointError: an adapter of another base.
    """
    if not adapters:
        raise ConfigError("a merge takes an adapter at least, got none; give {folder: weight}")
    from peft import LoraModel

    made = copy.deepcopy(model)
    tuner: Any = None
    for number, folder in enumerate(adapters):
        record, state = read_adapter(folder)
        way = method(**record["method"])
        if way.name != "lora":
            raise ConfigError(f"peft merges adapters of lora, got {way.name} in {folder}; mix others with bank")
        if base_hash(trunk_of(model, state)) != record["base"]["sha256"]:
            raise CheckpointError(f"adapters are merged on the base of all, {folder} is of another; take that model")
        config = cast(PeftAdapter, way).config(
            sites=sorted({k.partition(".lora_A.")[0] for k in state if ".lora_A." in k})
        )
        if tuner is None:
            tuner = LoraModel(made, config, "0")
        else:
            tuner.peft_config[str(number)] = config
            tuner.inject_adapter(made, str(number))
        renamed = {k.replace(".default.", f".{number}."): v for k, v in state.items() if ".lora_" in k}
        made.load_state_dict(renamed, strict=False)
    names, weights = [str(n) for n in range(len(adapters))], list(adapters.values())
    options = {} if how in ("cat", "linear", "svd") else {"density": density}
    try:
        tuner.add_weighted_adapter(names, weights, "merged", combination_type=how, **options)
    except ValueError as error:
        raise ConfigError(f"peft cannot merge these adapters by {how}: {error}; choose cat or svd") from error
    tuner.set_adapter("merged")
    return cast(Model, tuner.merge_and_unload()).requires_grad_(True)
