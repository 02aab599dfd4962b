"""Checkpoint folders from and to a model hub, through `huggingface_hub`.

The hub client reads its endpoint, cache and access rights from its own settings (`HF_ENDPOINT`, `HF_HOME`, ...).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import ModuleType

from .checkpoint import CONFIG, SETTINGS, WEIGHTS, save
from .contracts import Model

OTHER_WEIGHTS = ("*.safetensors", "*.safetensors.index.json", "pytorch_model.bin", "*.pt")  # of published models


class HubError(RuntimeError):
    """The hub cannot be reached or has no such thing; the message says how to go on without it."""


def download(repository: str, revision: str | None = None, *, offline: bool = False) -> Path:
    """The folder of a hub repository (`owner/name`) on this machine; its name is the commit that was fetched.

    Args:
        repository: `owner/name`.
        revision: branch, tag or commit; the newest by default.
        offline: answer from what was fetched before, without asking the network.

    Raises:
        HubError: no such repository or revision, or no network.
        ImportError: `huggingface_hub` is not installed; names the extra.
    """
    hub = _client()

    def fetch(*names: str) -> Path:
        return Path(
            hub.snapshot_download(repository, revision=revision, allow_patterns=list(names), local_files_only=offline)
        )

    try:
        folder = fetch(CONFIG, SETTINGS, WEIGHTS)
        return folder if (folder / WEIGHTS).is_file() else fetch(CONFIG, SETTINGS, *OTHER_WEIGHTS)
    except hub.errors.RevisionNotFoundError as error:
        raise HubError(f"{repository} has no revision {revision!r}; leave it out for the newest") from error
    except hub.errors.RepositoryNotFoundError as error:
        raise HubError(f"the hub has no model {repository!r} that you may read; check its name") from error
    except hub.errors.HFValidationError as error:
        raise HubError(f"a hub model is called owner/name, got {repository!r}") from error
    except OSError as error:
        raise HubError(
            f"{repository} was not fetched before and the hub cannot be reached ({type(error).__name__}); download its "
            f"{CONFIG} and {WEIGHTS} on a machine with a network and pass the folder that holds them"
        ) from error


def push_to_hub(model: Model, repository: str, *, private: bool = False, message: str = "Upload model") -> str:
    """Upload a model as `config.json` and `model.safetensors`; the repository is made where there is none.

    Returns:
        The commit that holds it, to be given to `from_pretrained(..., revision=)`.

    Raises:
        HubError: the hub cannot be reached or refuses.
        ImportError: `huggingface_hub` is not installed; names the extra.
    """
    hub = _client()
    api = hub.HfApi()
    try:
        api.create_repo(repository, private=private, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            save(model, folder)
            commit = api.upload_folder(repo_id=repository, folder_path=folder, commit_message=message)
    except hub.errors.HFValidationError as error:
        raise HubError(f"a hub model is called owner/name, got {repository!r}") from error
    except Exception as error:  # the classes of connection errors differ between versions of the client
        raise HubError(
            f"{repository} was not uploaded ({type(error).__name__}: {error}); check the network and your rights, or "
            "keep the model with model.save(folder)"
        ) from error
    return str(commit.oid)


def _client() -> ModuleType:
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ImportError as error:
        raise ImportError('models on a hub need huggingface_hub: pip install "humboldt[hub]"') from error
    return huggingface_hub
