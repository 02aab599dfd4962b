"""Adapters by themselves: what a method changed, in a small file that fits one base."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

import torch

from humboldt.finetune import Adapter, put_adapter, read_adapter, write_adapter
from humboldt.finetune import method as method_called
from humboldt.foundations import CheckpointError, ConfigError, HubError, Model, download, to_dict, upload

from .registry import face

FILES = ("adapter.json", "adapter.safetensors")


def load_adapter(
    model: Model | str | Path,
    adapter: str | Path,
    *,
    name: str = "default",
    force: bool = False,
    revision: str | None = None,
    offline: bool | None = None,
) -> Model:
    """A copy of a model with an adapter on it; its weights stay what they are until the adapter is merged.

    Args:
        model: the base, or what `from_pretrained` takes; one that has an adapter gets a second, if both left embedding
            and head alone (`whole=()`).
        adapter: a folder (every run folder of a method that leaves weights frozen is one), or a hub repository.
        name: of the adapter in the model.
        force: put it on another base than its own.
        revision: of the repository; the newest by default.
        offline: answer from what was fetched before; by default as `HUMBOLDT_OFFLINE` says.

    Raises:
        CheckpointError: the adapter is of another base or science, or its files were altered.
        ConfigError: a method that is not known here, or that does not compose with the adapter that is there.
        HubError: no such repository, or no network.
    """
    from .adapting import load

    if not name.isidentifier():
        raise ConfigError(f"an adapter has a name of letters, digits and _, got {name!r}; give name='europe', say")
    folder, commit = Path(adapter).expanduser(), None
    if not folder.is_dir():
        try:
            folder = download(str(adapter), revision, offline=offline, files=FILES)
            commit = folder.name
        except HubError as error:
            raise HubError(f"{error}; {folder} is no folder either") from error
    record, state = read_adapter(folder)
    base = load(model)
    if record.get("domain", base.domain) != base.domain:
        raise CheckpointError(
            f"an adapter fits a model of its own science, got one of {record['domain']} for a {base.domain} model; "
            f"load a {record['domain']} model"
        )
    way = method_called(**record["method"])
    if to_dict(base.config) != record["config"] and not base.adapted:
        base = _as_configured(base, record["config"], state.keys(), force)
    if not isinstance(way, Adapter):
        if base.adapted:
            raise ConfigError(
                f"{way.name} changes the weights themselves, got a model with the adapters {sorted(base.adapted)}; "
                "merge them first"
            )
        return _noted(put_adapter(way.prepare(copy.deepcopy(base)), record, state, force=force), adapter, commit)
    if base.adapted and name in base.adapted:
        raise ConfigError(f"adapters of a model have different names, got {name!r} twice; give name=...")
    if base.adapted and way.whole:
        raise ConfigError(
            f"a file of {way.name} was made for the plain model, got one with {sorted(base.adapted)}, whose embedding "
            "and head it would replace; merge the first adapter and force the second if you mean it, or train with "
            "whole=()"
        )
    with torch.random.fork_rng(devices=[]):
        prepared = way.prepare(copy.deepcopy(base), name)
    renamed = {key.replace(".default", f".{name}"): value for key, value in state.items()}
    return _noted(put_adapter(prepared, record, renamed, name, force=force), adapter, commit)


def save_adapter(model: Model, folder: str | Path, base: str | None = None) -> Path:
    """Write the adapter of a model that has exactly one; returns the folder.

    Raises:
        ConfigError: the model has none (it was merged, or trained whole), or several.
    """
    if list(model.adapted) != ["default"]:
        raise ConfigError(
            f"an adapter file holds the one adapter called default, got a model with {sorted(model.adapted)}; the run "
            "folder of a merged model has its adapter, and model.save writes everything"
        )
    way = method_called(**model.adapted["default"])
    return write_adapter(folder, model, way, base)


def push_adapter(
    folder: str | Path,
    repository: str,
    *,
    licences: Mapping[str, str] | None = None,
    licence: str | None = None,
    private: bool = False,
) -> str:
    """Upload an adapter folder by itself, with a card; returns the commit.

    Args:
        folder: a run folder, or what `save_adapter` wrote.
        repository: `owner/name`; made where there is none.
        licences, licence: terms of the data and the base, and those of the adapter, as in `push_to_hub`.
        private: whether a new repository is seen by its owner only.

    Raises:
        CheckpointError: no whole adapter in the folder.
        LicenceError: terms of the sources are unknown, exclude each other, or do not allow `licence`.
        HubError: the hub cannot be reached or refuses.
        ImportError: `huggingface_hub` is not installed.
    """
    from .adapter_card import adapter_card

    record, _ = read_adapter(folder)
    text = adapter_card(record, Path(folder), repository, licences or {}, licence)
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "README.md").write_text(text, encoding="utf-8")
        for name in FILES:
            (Path(scratch) / name).write_bytes((Path(folder) / name).read_bytes())
        return upload(scratch, repository, private=private, message="Upload adapter")


def _noted(model: Model, adapter: str | Path, commit: str | None) -> Model:
    """The model, whose record names the adapter: what is made from it is under the terms of both."""
    put = [*model.provenance.get("adapters", []), {"model": str(adapter), "revision": commit}]
    model.provenance = {**model.provenance, "adapters": put}
    return model.eval()


def _as_configured(model: Model, config: object, held: Collection[str], force: bool) -> Model:
    """A model of the adapter's configuration (its channels, say) with all weights of the base that fit.

    Raises:
        CheckpointError: neither the base nor the file (which holds `held`) has a weight of it, unless forced.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made: Model = face(model.domain).build(config)
    own, there = made.state_dict(), model.state_dict()
    known = {k: v for k, v in there.items() if k in own and own[k].shape == v.shape}
    absent = [name for name, _ in made.named_parameters() if name not in known and name not in held]
    if absent and not force:
        raise CheckpointError(
            f"weights that an adapter leaves alone are those of its base, got one whose model was fitted to data "
            f"first, and a base without its {absent[:3]}; give the model as that run began, "
            f"humboldt.registry.domain({model.domain!r}).fitted(model, train, task), or train embed and head (whole)"
        )
    made.load_state_dict(known, strict=False)
    made.provenance = dict(model.provenance)
    return made
