"""One verb for every checkpoint: embedded, in a folder, on the hub, ours or published elsewhere."""

from __future__ import annotations

import difflib
from importlib import resources
from pathlib import Path
from typing import Any

import torch

from humboldt.foundations import (
    CheckpointError,
    ConfigError,
    HubError,
    Model,
    Release,
    content_hash,
    download,
    load_strictly,
    read_config,
    read_weights,
    require_finite,
    weight_files,
)

from .registry import DOMAINS, face

OWNER = "humboldt/"  # of embedded models


def from_pretrained(
    name: str | Path,
    *,
    random: bool = False,
    seed: int = 0,
    revision: str | None = None,
    offline: bool | None = None,
    domain: str | None = None,
) -> Model:
    """A pretrained model.

    Args:
        name: an embedded model (`humboldt/pde-nano`), a folder, or a hub repository (`camlab-ethz/Poseidon-T`). A
            folder holds `config.json` and `model.safetensors`, ours or in a published layout (Prithvi WxC:
            `config.yaml` and a `.pt` file or safetensors, also in shards).
        random: the same network with fresh weights, to see what pretraining is worth. It keeps the normalisation
            statistics: they describe the units of the data, not what was learned, and a twin without them would lose
            for the wrong reason.
        seed: of the fresh weights.
        revision: branch, tag or commit of a hub repository.
        offline: do not ask the network; by default as `HUMBOLDT_OFFLINE` or `HF_HUB_OFFLINE` say.
        domain: refuse a checkpoint of another domain than this.

    Returns:
        The model in evaluation mode. `model.provenance["loaded"]` says from where, which revision and which SHA-256.

    Raises:
        CheckpointError: an unknown name, or a checkpoint that is broken, pickled or of another domain.
        ConfigError: a configuration with an unknown key or a forbidden value.
        HubError: the hub has no such model or cannot be reached.
    """
    folder = located(str(name), revision, offline)
    record = _record(folder)
    science = _domain_of(record, folder)
    if domain is not None and science != domain:
        raise CheckpointError(f"{name} is a model of the domain {science!r}, not of {domain!r}; choose another model")
    model = _read(record, science, folder)
    if random:
        model = random_twin(model, seed)
    sha256 = model.provenance.get("sha256") if "config" not in record else None
    loaded = {"name": str(name), "revision": _commit(folder), "sha256": sha256 or content_hash(*weight_files(folder))}
    model.provenance["loaded"] = loaded | ({"random": True, "seed": seed} if random else {})
    return model.eval()


def embedded() -> dict[str, Path]:
    """Names and folders of the models that come with the package."""
    root = Path(str(resources.files("humboldt.domains.pretrained")))
    return {OWNER + path.parent.name: path.parent for path in sorted(root.glob("*/config.json"))}


def released() -> dict[str, Release]:
    """The published checkpoints of every science, by their names on the hub."""
    return {release.repository: release for science in DOMAINS for release in face(science).RELEASES}


def located(name: str, revision: str | None = None, offline: bool | None = None) -> Path:
    """The folder of a model by its name; fetched if it is on the hub.

    Raises:
        CheckpointError, HubError: as `from_pretrained`.
    """
    folder, known = Path(name).expanduser(), embedded()
    if folder.is_dir() or name in known:
        folder = folder if folder.is_dir() else known[name]
        if revision not in (None, _commit(folder)):
            raise CheckpointError(f"a revision is one of a hub repository, got {revision!r} for {folder}; leave it out")
        return folder
    looks_like_a_path = name.startswith(("/", ".", "~")) or name.count("/") != 1 or folder.exists()
    if looks_like_a_path or name.startswith(OWNER):
        raise CheckpointError(f"there is no folder and no embedded model called {name!r}; {_near(name, known)}")
    try:
        known_release = released().get(name)
        files = known_release.files if known_release is not None else None
        return download(name, revision, offline=offline, files=files)
    except HubError as error:
        hint = "" if name in (*known, *released()) else f"; {_near(name, known)}"
        raise HubError(f"there is no folder {name!r}, and {error}{hint}") from error


def _commit(folder: Path) -> str | None:
    """The commit that a folder in the cache of the hub's client holds."""
    return folder.name if folder.parent.name == "snapshots" else None


def _near(name: str, known: dict[str, Path]) -> str:
    names = [*known, *released()]
    lower = {known_name.lower(): known_name for known_name in names}
    near = difflib.get_close_matches(name.lower(), lower, n=2, cutoff=0.7)
    if near:
        return "did you mean " + " or ".join(repr(lower[n]) for n in near) + "?"
    return f"known names are {', '.join(names)}"


def _record(folder: Path) -> dict[str, Any]:
    """What `config.json` says; of published weights without one, what a science that knows them reads off."""
    if not (folder / "config.json").is_file():
        for science in DOMAINS:
            of_weights = getattr(face(science), "published_record", None)
            if of_weights is not None and (found := of_weights(folder)) is not None:
                return found
        bare = not (folder / "config.yaml").is_file()
        if bare and any(path.suffix in (".safetensors", ".pt", ".pth", ".bin") for path in folder.iterdir()):
            raise CheckpointError(
                f"{folder} holds weights and no configuration, and they are of no published model that is known here; "
                "ask its owner for the config.json beside them"
            )
    return read_config(folder)


def _domain_of(record: dict[str, Any], folder: Path) -> str:
    if "domain" in record and ("config" in record or "checkpoint" in record):
        face(str(record["domain"]))
        return str(record["domain"])
    for science in DOMAINS:
        if face(science).is_published(record):
            return science
    raise CheckpointError(
        f"the configuration of {folder} is neither ours nor of a published model that is known here; it has "
        f"{sorted(record)}"
    )


def _read(record: dict[str, Any], science: str, folder: Path) -> Model:
    if "config" not in record:
        return face(science).read_published(folder)
    model = _described(record, science, folder)
    for adapter, described in record.get("adapted", {}).items():
        from humboldt.finetune import Adapter, method

        way = method(**described)
        assert isinstance(way, Adapter)
        model = way.rebuild(_in_memory(model), adapter)
    state = read_weights(folder, record.get("sha256"))
    require_finite(state, folder)
    return load_strictly(model, state)


def _in_memory(model: Model) -> Model:
    """Room for the weights of a model that was described only; adapters are put around real ones."""
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.is_meta:
            return model.to_empty(device="cpu")
    return model


def _described(record: dict[str, Any], science: str, folder: Path) -> Model:
    """The network of a configuration, without memory."""
    try:
        with torch.device("meta"):
            model = face(science).build(record["config"])
        model.provenance = dict(record.get("provenance", {}))
    except (CheckpointError, ConfigError):
        raise
    except Exception as error:  # values that no rule foresaw break a network anywhere
        raise CheckpointError(
            f"{folder} has a configuration of which no {science} model can be built ({type(error).__name__}: "
            f"{str(error)[:200]}); was it altered?"
        ) from error
    return model


def random_twin(model: Model, seed: int) -> Model:
    """The same network, initialised from `seed`; statistics are kept, the global random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh: Model = face(model.domain).build(model.config)
    statistics = {key: value for key, value in model.state_dict().items() if ".normaliser." in key}
    fresh.load_state_dict(statistics, strict=False)
    fresh.provenance = dict(model.provenance)
    return fresh.to(next(model.parameters()))
