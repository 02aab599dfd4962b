"""Graphs and molecules as sequences of tokens: reading, writing, generation, properties."""

from .batch import NextTokens, Properties, SequenceBatch
from .config import Goal, GraphConfig
from .domain import Graphs, build, initialise
from .embed import SequenceEmbed
from .graph import EDGE, NODE, Graph, GraphError
from .heads import NextTokenHead, PropertyHead, token_losses
from .metrics import Tally, roc_auc
from .molecules import (
    Decoded,
    canonical,
    decode_molecule,
    graph_from_molecule,
    graph_from_smiles,
    molecule_from_graph,
    smiles_from_graph,
)
from .published import config_from_published, config_to_published, decoder_core, g2pt, is_published
from .sequence import Ordering, decode, encode, encode_with, published_ordering
from .vocabulary import PUBLISHED, Chemistry, Vocabulary, plain_vocabulary
from .weights import model_from_published, read_published, state_from_published, state_to_published, write_published

__all__ = [
    "EDGE",
    "NODE",
    "PUBLISHED",
    "Chemistry",
    "Decoded",
    "Goal",
    "Graph",
    "GraphConfig",
    "GraphError",
    "Graphs",
    "NextTokenHead",
    "NextTokens",
    "Ordering",
    "Properties",
    "PropertyHead",
    "SequenceBatch",
    "SequenceEmbed",
    "Tally",
    "Vocabulary",
    "build",
    "canonical",
    "config_from_published",
    "config_to_published",
    "decode",
    "decode_molecule",
    "decoder_core",
    "encode",
    "encode_with",
    "g2pt",
    "graph_from_molecule",
    "graph_from_smiles",
    "initialise",
    "is_published",
    "model_from_published",
    "molecule_from_graph",
    "plain_vocabulary",
    "published_ordering",
    "read_published",
    "roc_auc",
    "smiles_from_graph",
    "state_from_published",
    "state_to_published",
    "token_losses",
    "write_published",
]
