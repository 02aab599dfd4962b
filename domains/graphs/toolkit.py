"""RDKit, where it is installed."""

from __future__ import annotations

from functools import lru_cache
from typing import Any


@lru_cache(maxsize=1)
def toolkit() -> Any:
    """`rdkit.Chem`, silent.

    Raises:
        ImportError: names the extra to install.
    """
    try:
        from rdkit import Chem, RDLogger
        from rdkit.Chem import rdMolInterchange  # noqa: F401, found through Chem below
    except ImportError as error:
        raise ImportError('molecules need RDKit: pip install "humboldt[molecules]"') from error
    RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]
    return Chem
