"""The card of an adapter that goes to a hub without its base: for which weights it is, what it saw, its terms."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from humboldt.foundations import read_config

from .licence import LicenceError, chosen
from .publishing import made_from


def adapter_card(
    record: Mapping[str, Any], folder: Path, repository: str, licences: Mapping[str, str], licence: str | None
) -> str:
    """The text of `README.md`, with front matter.

    Args:
        record: what `adapter.json` says.
        folder: that holds it; the record of its run is read from `config.json` where there is one.
        repository: `owner/name`.
        licences: SPDX expression of the data and the base; those of the catalog and of embedded models are known.
        licence: of the adapter; by default the freest that its sources allow.

    Raises:
        LicenceError: terms of the sources are unknown, exclude each other, or do not allow `licence`.
    """
    provenance = read_config(folder).get("provenance", {}) if (folder / "config.json").is_file() else {}
    if not provenance and not licences:
        raise LicenceError(
            f"an adapter carries the terms of what it was made from, but {folder} has no record of a run; say "
            "licences={'its data': '...', 'its base': '...'}, or push the run folder"
        )
    sources, citations = made_from(provenance, licences) if provenance else (dict(licences), [])
    terms, base = chosen(licence, sources), str(record["base"].get("name") or "")
    data = provenance.get("data", {}).get("train", {})
    use = f'model = humboldt.load_adapter("{base or "BASE"}", "{repository}")'
    seen = (
        f"{data['samples']} samples, fingerprint `{data.get('fingerprint')}`." if data else "Its run is not recorded."
    )
    sections = {
        "Use": f"```python\nimport humboldt\n\n{use}\n```",
        "Base": f"{base or 'It has no name'}, weights with SHA-256 `{record['base']['sha256']}`; others are refused.",
        "Method": f"```yaml\n{yaml.safe_dump(dict(record['method']), sort_keys=False)}```",
        "Data": "\n".join([seen, "", *(f"- {name}: {term}" for name, term in sources.items())]),
        "Licence": f"{terms}, the freest that the terms of what it was made from allow.",
        "Citation": "\n".join(citations) or "Cite the data above by their own pages, and Humboldt.",
    }
    about = {
        "license": "other" if terms.startswith("LicenseRef") else terms.lower(),
        "library_name": "humboldt",
        "tags": ["adapter", str(record.get("domain") or "science")],
        **({"base_model": base} if provenance.get("recipe", {}).get("revision") else {}),
    }
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items())
    head = f"An adapter by the method {record['method']['name']}, made with Humboldt."
    return f"---\n{yaml.safe_dump(about, sort_keys=False)}---\n\n# {repository}\n\n{head}\n\n{body}\n"
