"""Checkpoint folders from and to a model hub, through `huggingface_hub`.

The hub client reads its endpoint, cache and access rights from its own settings (`HF_ENDPOINT`, `HF_HOME`, ...).
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from .checkpoint import CONFIG, SETTINGS, content_hash, save
from .contracts import Model
from .shards import INDEX, WEIGHTS

OURS = (CONFIG, SETTINGS, WEIGHTS, INDEX, "model-*-of-*.safetensors")
PUBLISHED = (CONFIG, SETTINGS, "*.safetensors", "*.safetensors.index.json", "pytorch_model.bin", "*.pt")
HOLDS_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth")
OFFLINE = ("HUMBOLDT_OFFLINE", "HF_HUB_OFFLINE")


class HubError(OSError):
    """The hub cannot be reached or has no such thing; the message says how to go on without it."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """A published checkpoint.

    Attributes:
        repository: `owner/name` on the hub.
        files: names of the files that are fetched, `*` for anything.
        layout: what the files are, in words.
    """

    repository: str
    files: tuple[str, ...]
    layout: str


def is_offline(offline: bool | None = None) -> bool:
    """Whether the network must not be asked: as said, else by `HUMBOLDT_OFFLINE` or `HF_HUB_OFFLINE`."""
    if offline is not None:
        return offline
    return any(os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE") for name in OFFLINE)


def download(
    repository: str, revision: str | None = None, *, offline: bool | None = None, files: Sequence[str] | None = None
) -> Path:
    """The folder of a hub repository (`owner/name`) on this machine; its name is the commit that was fetched.

    Weights that arrive are compared with the SHA-256 that the hub keeps of them.

    Args:
        repository: `owner/name`.
        revision: branch, tag or commit; the newest by default.
        offline: answer from what was fetched before, without asking the network; by default as `HUMBOLDT_OFFLINE` or
            `HF_HUB_OFFLINE` say.
        files: names of the files (with `*`); by default ours, or all that looks like weights where those are missing.

    Raises:
        HubError: no such repository or revision, no rights, no network, or not all of it arrived or lies in the cache.
        ImportError: `huggingface_hub` is not installed; names the extra.
    """
    hub, offline, began = _client(), is_offline(offline), time.time()

    def fetch(names: Sequence[str]) -> Path:
        found = hub.snapshot_download(
            repository, revision=revision, allow_patterns=list(names), local_files_only=offline
        )
        return Path(found)

    with _explained(hub, repository, revision, offline):
        folder = fetch(files or OURS)
        if files is None and not _weights(folder):
            folder = fetch(PUBLISHED)
    if not _weights(folder):
        raise HubError(
            f"only a part of {repository} is in the cache, without its weights ({folder}), and the network must not be "
            "asked; fetch it where there is a network (humboldt prefetch) and copy the cache"
            if offline
            else f"{repository} holds no weights of a kind that is read here; look at its files"
        )
    for path in _weights(folder):
        _verify(path, began)
    return folder


def push_to_hub(
    model: Model,
    repository: str,
    *,
    private: bool = False,
    message: str = "Upload model",
    files: Mapping[str, str] | None = None,
) -> str:
    """Upload a model as `config.json` and `model.safetensors`; the repository is made where there is none.

    Args:
        model: what is uploaded.
        repository: `owner/name`.
        private: whether a new repository is seen by its owner only.
        message: of the commit.
        files: further text files by name, such as a card (`README.md`).

    Returns:
        The commit that holds it, to be given to `from_pretrained(..., revision=)`.

    Raises:
        HubError: the hub cannot be reached or refuses.
        ImportError: `huggingface_hub` is not installed; names the extra.
    """
    with tempfile.TemporaryDirectory() as folder:
        save(model, folder)
        for name, text in (files or {}).items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        return upload(folder, repository, private=private, message=message)


def upload(folder: str | Path, repository: str, *, private: bool = False, message: str = "Upload files") -> str:
    """Upload all files of a folder; returns the commit. The repository is made where there is none.

    Raises:
        HubError, ImportError: as `push_to_hub`.
    """
    hub = _client()
    api = hub.HfApi()
    try:
        api.create_repo(repository, private=private, exist_ok=True)
        commit = api.upload_folder(repo_id=repository, folder_path=folder, commit_message=message)
    except hub.errors.HFValidationError as error:
        raise HubError(f"a hub model is called owner/name, got {repository!r}") from error
    except Exception as error:  # the classes of connection errors differ between versions of the client
        status = getattr(getattr(error, "response", None), "status_code", None)
        cure = "log in (hf auth login) or set HF_TOKEN to a token that may write" if status in (401, 403) else (
            "check the network and your rights"
        )  # fmt: skip
        raise HubError(
            f"{repository} was not uploaded ({type(error).__name__}: {without_tokens(str(error), hub)}); {cure}, or "
            "keep the model with model.save(folder)"
        ) from _harmless(error, hub)
    return str(commit.oid)


def without_tokens(text: str, hub: ModuleType | None = None) -> str:
    """The text with every access token blotted out."""
    token = (hub or _client()).get_token()
    text = text.replace(token, "***") if token else text
    return re.sub(r"hf_\w+|(?<=Bearer )\S+", "***", text)


@contextmanager
def _explained(hub: ModuleType, repository: str, revision: str | None, offline: bool) -> Iterator[None]:
    """What the client raises, in our words."""
    errors = hub.errors
    try:
        yield
    except errors.GatedRepoError as error:
        raise HubError(
            f"{repository} is given to those who accept its terms; accept them on its page, then log in "
            "(hf auth login) or set HF_TOKEN"
        ) from _harmless(error, hub)
    except errors.RevisionNotFoundError as error:
        raise HubError(f"{repository} has no revision {revision!r}; leave it out for the newest") from error
    except errors.RepositoryNotFoundError as error:
        raise HubError(
            f"the hub has no model {repository!r} that you may read; check its name, and log in (hf auth login) "
            "where it is private"
        ) from _harmless(error, hub)
    except errors.HFValidationError as error:
        raise HubError(f"a hub model is called owner/name, got {repository!r}") from error
    except errors.LocalEntryNotFoundError as error:
        raise HubError(_absent(hub, repository, revision, offline, error)) from _harmless(error, hub)
    except Exception as error:  # the classes of connection errors differ between versions of the client
        raise HubError(
            f"{repository} did not arrive whole ({type(error).__name__}: {without_tokens(str(error), hub)[:300]}); "
            "nothing was kept of the broken file, fetch it again"
        ) from _harmless(error, hub)


def _absent(hub: ModuleType, repository: str, revision: str | None, offline: bool, error: Exception) -> str:
    """Why an answer from the cache alone was not possible."""
    reference = Path(hub.constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}" / "refs"
    reference /= revision or "main"
    if reference.is_file() and (text := reference.read_text()) != text.strip():
        return f"{reference} holds a commit and nothing else, got {text!r}; remove the blanks and line ends"
    if offline and reference.parent.parent.is_dir():
        return (
            f"the cache of {repository} is stale: it holds no whole copy of revision {revision or 'main'!r}, and the "
            "network must not be asked; fetch it where there is a network (humboldt prefetch) and copy the cache"
        )
    return (
        f"{repository} was not fetched before and the hub cannot be reached ({type(error).__name__}); download its "
        f"{CONFIG} and {WEIGHTS} on a machine with a network and pass the folder that holds them"
    )


def _weights(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.suffix in HOLDS_WEIGHTS and path.is_file()]


def _verify(path: Path, began: float) -> None:
    """Compare a file that has just arrived with the SHA-256 that its blob is called by (large files only).

    Raises:
        HubError: they differ; the file is removed.
    """
    blob = path.resolve()
    if not re.fullmatch(r"[0-9a-f]{64}", blob.name) or blob.stat().st_mtime < began - 2:
        return
    if (found := content_hash(blob)) != blob.name:
        path.unlink()
        blob.unlink(missing_ok=True)
        raise HubError(
            f"the hub says that {path.name} has the SHA-256 {blob.name[:16]}..., got {found[:16]}...; the file was "
            "removed, fetch it again"
        )


def _harmless(error: Exception, hub: ModuleType) -> Exception | None:
    """The error as a cause to show, unless it holds a token."""
    return error if without_tokens(str(error), hub) == str(error) else None


def _client() -> ModuleType:
    try:
        import huggingface_hub
        import huggingface_hub.constants
        import huggingface_hub.errors
    except ImportError as error:
        raise ImportError('models on a hub need huggingface_hub: pip install "humboldt[hub]"') from error
    return huggingface_hub
