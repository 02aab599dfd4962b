"""Upload a model with the card that its run tells, under the terms that its data allow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from humboldt.foundations import Model
from humboldt.foundations import push_to_hub as upload_model

from .card import CardError, Facts, card
from .licence import DEFAULT, chosen

EMBEDDED_TERMS = DEFAULT  # of the models that come with the package


def push_to_hub(
    model: Model | str | Path,
    repository: str,
    *,
    run: str | Path | None = None,
    licences: Mapping[str, str] | None = None,
    licence: str | None = None,
    checks: str = "",
    limits: str = "",
    private: bool = False,
    message: str = "Upload model",
) -> str:
    """Upload a model: weights, configuration, and a card without an empty section.

    Args:
        model: a model, or its run folder.
        repository: `owner/name`; made where there is none.
        run: the run folder, whose `scores.json` (from `evaluate(..., output=run)`) and `environment.json` are told.
        licences: SPDX expression of each data set and published model that the weights were made from; those of the
            catalog and of embedded models are known.
        licence: of the weights; by default the freest that their sources allow.
        checks: physical checks in words, where the scores have none.
        limits: known failures in words.
        private: whether a new repository is seen by its owner only.
        message: of the commit.

    Returns:
        The commit, to be given to `from_pretrained(..., revision=)`.

    Raises:
        CardError: something that a card has to say is not known.
        LicenceError: terms of the sources are unknown, exclude each other, or do not allow `licence`.
        HubError: the hub cannot be reached or refuses.
        ImportError: `huggingface_hub` is not installed; names the extra.
    """
    model, folder = _loaded(model, run)
    return upload_model(model, repository, private=private, message=message, files={
        "README.md": card(model, facts_of(model, repository, folder, licences or {}, licence, checks, limits))
    })  # fmt: skip


def facts_of(
    model: Model,
    repository: str,
    folder: Path | None,
    licences: Mapping[str, str],
    licence: str | None,
    checks: str,
    limits: str,
) -> Facts:
    """What the card is made from."""
    sources, citations = made_from(model.provenance, licences)
    return Facts(
        repository=repository,
        licence=chosen(licence, sources),
        sources=sources,
        scores=_written(folder, "scores.json"),
        environment=_written(folder, "environment.json"),
        checks=checks,
        limits=limits,
        citations=citations,
    )


def made_from(provenance: Mapping[str, Any], licences: Mapping[str, str]) -> tuple[dict[str, str | None], list[str]]:
    """Terms of all data and models that weights were made from, by one run after another, and how to cite the data.

    Raises:
        CardError: the model was made by no run that is recorded.
    """
    from humboldt.data_catalog import load_catalog

    recipe = provenance.get("recipe")
    if not isinstance(recipe, Mapping):
        raise CardError(
            "a model is published with the record of its run, got one without; train it by humboldt.finetune"
        )
    runs = [*provenance.get("ancestors", ()), *provenance.get("adapters", ()), recipe]
    parents = {str(run["model"]) for run in runs if run.get("model") is not None}
    sources: dict[str, str | None] = dict(licences)
    citations = []
    known = {entry.id: entry for entry in load_catalog().search()}
    for data in [run["data"] for run in runs if "data" in run] or [None]:
        if data in known:
            sources.setdefault(str(data), known[data].licence)
            citations.append(_cited(known[data]))
        elif not licences.keys() - parents:
            sources[str(data or "the training data")] = None
    for parent in sorted(parents):
        is_ours = parent.startswith("humboldt/")
        if is_ours or parent not in licences:
            sources[parent] = EMBEDDED_TERMS if is_ours else None
    return sources, list(dict.fromkeys(citations))


def _cited(entry: Any) -> str:
    """A line that says how to cite an entry of the catalog."""
    found = entry.citation
    return " ".join(str(part) for part in (found.text, found.doi, found.url) if part) if found else str(entry.title)


def _loaded(model: Model | str | Path, run: str | Path | None) -> tuple[Model, Path | None]:
    if isinstance(model, Model):
        return model, None if run is None else Path(run)
    from .pretrained import from_pretrained

    return from_pretrained(model), Path(run if run is not None else model)


def _written(folder: Path | None, name: str) -> dict[str, Any]:
    path = None if folder is None else folder / name
    if path is None or not path.is_file():
        return {}
    found = json.loads(path.read_text())
    return found if isinstance(found, dict) else {}
