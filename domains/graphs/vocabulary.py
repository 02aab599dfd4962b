"""The tokens of a kind of graphs, in the order of their numbers.

    <boc> <eoc> <sepc> <bog> <eog> <sepg>   IDX_0 ... IDX_(k-1)   node types   edge types   [UNK] [PAD] [MASK]

The order is that of the published G2PT models (arXiv 2501.01073), so that their embedding tables fit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Literal

from humboldt.foundations import ConfigError

from .graph import EDGE, NODE, Graph, GraphError

STRUCTURE = ("<boc>", "<eoc>", "<sepc>", "<bog>", "<eog>", "<sepg>")
BOC, EOC, SEPC, BOG, EOG, SEPG = range(len(STRUCTURE))
FIRST_INDEX = len(STRUCTURE)
SPECIAL = ("[UNK]", "[PAD]", "[MASK]")
BONDS = ("SINGLE", "DOUBLE", "TRIPLE", "AROMATIC")


@dataclass(frozen=True, kw_only=True)
class Chemistry:
    """How a molecule is said as a graph (see `molecules`).

    Attributes:
        bonds: `kekule` (single, double, triple) or `aromatic`.
        atoms: `element` says the element alone, as published; `exact` also the charge, the isotope, and the hydrogens
            where the valence does not imply them.
        charge_rule: when a molecule is rebuilt, an N, O or S with exactly one bond too many gets a charge of +1.
        stereo: labels say R and S of atoms, E and Z of double bonds (see `stereo`); with exact atoms only.
    """

    bonds: Literal["kekule", "aromatic"] = "kekule"
    atoms: Literal["element", "exact"] = "exact"
    charge_rule: bool = False
    stereo: bool = False

    def __post_init__(self) -> None:
        if self.stereo and self.atoms != "exact":
            raise ConfigError(f"stereochemistry is said of exact atoms, got atoms={self.atoms!r}; set atoms='exact'")


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """What can be said.

    Attributes:
        name: of the kind of graphs.
        indices: number of index tokens: the most nodes of a graph.
        nodes, edges: labels of nodes and edges.
        node_prefix, edge_prefix: before a label in the text of its token.
        edge_type_token: whether an edge says its type; without, all edges are of the only one.
        spelling: `sets`, the published one: the node set, then the edge set (see `sequence`); or `growth`, from node
            to node, in a quarter of the tokens (see `growth`).
        chemistry: how graphs are molecules; None for other graphs.
    """

    name: str
    indices: int
    nodes: tuple[str, ...]
    edges: tuple[str, ...]
    node_prefix: str = ""
    edge_prefix: str = ""
    edge_type_token: bool = True
    spelling: Literal["sets", "growth"] = "sets"
    chemistry: Chemistry | None = None

    def __post_init__(self) -> None:
        if self.spelling == "growth" and not self.edge_type_token:
            raise ConfigError("a graph that grows says the type of every edge; set edge_type_token=True")
        if self.indices < 1 or not self.nodes or not self.edges:
            raise ConfigError(
                "a vocabulary has an index, a node type and an edge type at least, got "
                f"indices={self.indices}, nodes={self.nodes}, edges={self.edges}"
            )
        if len(set(self.tokens)) != len(self.tokens):
            twice = [token for token, count in Counter(self.tokens).items() if count > 1]
            raise ConfigError(f"every token is said once, got {twice} twice; rename a label or give a prefix")
        if not self.edge_type_token and len(self.edges) > 1:
            raise ConfigError(f"without edge type tokens there is one edge type, got {self.edges}")

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """Text of every token, by its number."""
        indices = (f"IDX_{i}" for i in range(self.indices))
        nodes = (self.node_prefix + label for label in self.nodes)
        edges = (self.edge_prefix + label for label in self.edges)
        both = (f"{edge}:{node}" for edge, node in self.both)
        return (*STRUCTURE, *indices, *nodes, *edges, *both, *SPECIAL)

    @cached_property
    def ids(self) -> dict[str, int]:
        """Number of every token, by its text."""
        return {token: number for number, token in enumerate(self.tokens)}

    @cached_property
    def node_ids(self) -> dict[str, int]:
        """Number of every node type, by its label."""
        return {label: self.first_node + i for i, label in enumerate(self.nodes)}

    @cached_property
    def edge_ids(self) -> dict[str, int]:
        """Number of every edge type, by its label."""
        return {label: self.first_edge + i for i, label in enumerate(self.edges)}

    @cached_property
    def both(self) -> dict[tuple[str, str], int]:
        """Number of every type of an edge together with that of its new node, where graphs grow."""
        pairs = product(self.edges, self.nodes) if self.spelling == "growth" else ()
        return {pair: self.first_both + i for i, pair in enumerate(pairs)}

    @cached_property
    def _pairs(self) -> dict[int, tuple[str, str]]:
        return {number: pair for pair, number in self.both.items()}

    def node_of(self, token: int) -> str | None:
        """The label of a node type, None for another token."""
        return self.nodes[token - self.first_node] if self.first_node <= token < self.first_edge else None

    def edge_of(self, token: int) -> tuple[str, str | None]:
        """The label of an edge type, and that of its new node if it has one.

        Raises:
            GraphError: another token.
        """
        if self.first_edge <= token < self.first_both:
            return self.edges[token - self.first_edge], None
        if token in self._pairs:
            return self._pairs[token]
        raise GraphError(f"one of the types {_short(self.edges)} belongs here, got {self.text([token])}")

    def index_of(self, token: int) -> int:
        """The number that an index token says.

        Raises:
            GraphError: another token.
        """
        if not FIRST_INDEX <= token < self.first_node:
            raise GraphError(f"an index belongs here, got {self.text([token])}")
        return token - FIRST_INDEX

    @property
    def first_node(self) -> int:
        """Number of the first node type."""
        return FIRST_INDEX + self.indices

    @property
    def first_edge(self) -> int:
        """Number of the first edge type."""
        return self.first_node + len(self.nodes)

    @property
    def first_both(self) -> int:
        """Number of the first token that says the type of an edge and of its new node."""
        return self.first_edge + len(self.edges)

    @property
    def pad(self) -> int:
        """Number of the token that fills up a row."""
        return len(self) - 2

    def __len__(self) -> int:
        """Number of tokens."""
        return self.first_both + len(self.both) + len(SPECIAL)

    def length(self, graph: Graph) -> int:
        """Tokens of a graph of n nodes, m edges and c connected parts.

        3n + 4m + 2, or 3n + 3m + 2 without edge types. Where it grows, 3m - n + 2c + 2 at most.
        """
        nodes, edges = len(graph), len(graph.edges)
        if self.spelling == "growth":
            return 3 * edges - nodes + 2 * graph.components() + 2
        separated = 4 if self.edge_type_token else 3
        return 3 * nodes + (separated * edges if edges else 1) + 2

    @property
    def shortest(self) -> int:
        """Tokens of a single node."""
        return self.length(Graph(self.nodes[:1]))

    def text(self, ids: Iterable[int]) -> str:
        """Tokens as words; a number beyond the vocabulary (a spare row of an embedding) is [UNK]."""
        return " ".join(self.tokens[i] if i < len(self.tokens) else SPECIAL[0] for i in map(int, ids))

    def read(self, text: str) -> list[int]:
        """Numbers of words.

        Raises:
            GraphError: a word that is not a token.
        """
        words = text.split()
        if unknown := [word for word in words if word not in self.ids]:
            raise GraphError(f"a sequence is made of the tokens of {self.name}, got {unknown[0]!r}")
        return [self.ids[word] for word in words]

    def require(self, graph: Graph) -> None:
        """Refuse a graph that this vocabulary cannot say.

        Raises:
            GraphError: too many nodes, or a label without a token.
        """
        if not graph.nodes:
            raise GraphError("a sequence says at least one node, got a graph without any; leave it out")
        if len(graph) > self.indices:
            raise GraphError(
                f"the vocabulary {self.name} numbers {self.indices} nodes, got a graph of {len(graph)}; leave it out "
                "or make a vocabulary with more indices"
            )
        for label in graph.nodes:
            if label not in self.node_ids:
                raise GraphError(f"node types of {self.name} are {_short(self.nodes)}, got {label!r}; {CURE}")
        for _, _, label in graph.edges:
            if label not in self.edge_ids:
                raise GraphError(f"edge types of {self.name} are {_short(self.edges)}, got {label!r}; {CURE}")

    @classmethod
    def of(
        cls,
        graphs: Iterable[Graph],
        name: str = "own",
        chemistry: Chemistry | None = None,
        indices: int | None = None,
        spelling: Literal["sets", "growth"] = "sets",
    ) -> Vocabulary:
        """The labels of a data set, the most frequent first.

        Args:
            graphs: of the data set.
            name: of the vocabulary.
            chemistry: how the molecules were read; None for other graphs.
            indices: index tokens; as many as the largest graph has nodes if not given.
            spelling: how a graph becomes a sequence.
        """
        nodes: Counter[str] = Counter()
        edges: Counter[str] = Counter()
        largest = 0
        for graph in graphs:
            nodes.update(graph.nodes)
            edges.update(label for _, _, label in graph.edges)
            largest = max(largest, len(graph))
        prefixed = {"node_prefix": "ATOM_", "edge_prefix": "BOND_"} if chemistry else {}
        return cls(
            name=name,
            indices=indices or max(1, largest),
            nodes=_by_count(nodes) or (NODE,),
            edges=_by_count(edges) or (EDGE,),
            spelling=spelling,
            chemistry=chemistry,
            **prefixed,  # type: ignore[arg-type]
        )


CURE = "leave the graph out, or make a vocabulary of the data with Vocabulary.of"


def _by_count(counted: Counter[str]) -> tuple[str, ...]:
    return tuple(label for label, _ in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))


def _short(labels: Sequence[str]) -> str:
    return ", ".join(labels[:12]) + (", ..." if len(labels) > 12 else "")


def _molecules(name: str, indices: int, atoms: str, kekule: bool = False, charge_rule: bool = False) -> Vocabulary:
    chemistry = Chemistry(bonds="kekule" if kekule else "aromatic", atoms="element", charge_rule=charge_rule)
    return Vocabulary(
        name=name,
        indices=indices,
        nodes=tuple(atoms.split()),
        edges=BONDS,
        node_prefix="ATOM_",
        edge_prefix="BOND_",
        chemistry=chemistry,
    )


def plain_vocabulary(name: str, indices: int, edge_type_token: bool = True) -> Vocabulary:
    """Graphs without labels of at most `indices` nodes."""
    return Vocabulary(name=name, indices=indices, nodes=(NODE,), edges=(EDGE,), edge_type_token=edge_type_token)


PUBLISHED = {
    "qm9": _molecules("qm9", 10, "C N O F", kekule=True),
    "moses": _molecules("moses", 30, "C N O F S Cl Br H"),
    "guacamol": _molecules("guacamol", 90, "C N O F B Br Cl I P S Se Si", charge_rule=True),
    "planar": plain_vocabulary("planar", 64),
    "tree": plain_vocabulary("tree", 64),
    "lobster": plain_vocabulary("lobster", 100),
    "sbm": plain_vocabulary("sbm", 187),
}
"""The vocabularies of the published models."""
