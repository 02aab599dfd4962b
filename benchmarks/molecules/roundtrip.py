"""Which molecules have stereochemistry, and do they come back from their graphs with it?

    python benchmarks/molecules/roundtrip.py MOLECULES [--record docs/experiments/records/stereo.json]

MOLECULES holds a folder per data set. A molecule has stereochemistry where its canonical SMILES loses something without
it; the graphs of `Chemistry()` lose all of that, those of `Chemistry(stereo=True)` what is counted in the last column.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from humboldt.domains.graphs import Chemistry, GraphError, canonical, graph_from_smiles, smiles_from_graph
from humboldt.domains.graphs.files import read_source
from humboldt.domains.graphs.toolkit import toolkit

FILES = (
    "delaney/delaney.csv", "freesolv/freesolv.csv", "bbbp/bbbp.csv", "bace/bace.csv", "clintox/clintox.csv",
    "tox21/tox21.csv", "moses/test.smi.gz",
)  # fmt: skip
STEREO = Chemistry(stereo=True)


def counted(path: Path) -> dict[str, int]:
    """Molecules, those with stereochemistry, and those of them that come back as another molecule."""
    chem, found = toolkit(), {"molecules": 0, "with stereochemistry": 0, "lost with stereo=True": 0}
    for smiles in read_source(path).items:
        mol = chem.MolFromSmiles(smiles)
        if mol is None:
            continue
        found["molecules"] += 1
        if not set(smiles) & set("@/\\"):
            continue
        whole = chem.MolToSmiles(mol)
        if whole == canonical(smiles):
            continue
        found["with stereochemistry"] += 1
        try:
            again = smiles_from_graph(graph_from_smiles(smiles, STEREO), STEREO).smiles
        except GraphError:
            again = None
        found["lost with stereo=True"] += again != whole
    return found


def main() -> None:
    """Count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("molecules", type=Path)
    parser.add_argument("--record", type=Path, help="JSON of the counts")
    choice = parser.parse_args()
    found = {}
    for name in FILES:
        found[name] = counted(choice.molecules / name)
        print(name, found[name], flush=True)
    if choice.record:
        choice.record.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
