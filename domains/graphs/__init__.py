"""Graphs and molecules as sequences of tokens: reading, writing, generation, properties."""

from .adapt import arranged, fit_to_data, goals_of, set_statistics
from .batch import NextTokens, Properties, SequenceBatch
from .config import Goal, GraphConfig
from .data import GraphDataset, open_graphs
from .domain import Graphs, build, initialise
from .embed import SequenceEmbed
from .files import Skipped
from .grammar import Grammar
from .graph import EDGE, NODE, Graph, GraphError
from .growth_grammar import GrowthGrammar
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
from .pretraining import molecules_nano, open_corpus
from .published import config_from_published, config_to_published, decoder_core, g2pt, is_published
from .sample import Drawing, Sampled, sample_sequences
from .sequence import Ordering, decode, encode, encode_with, published_ordering
from .splitting import random_split, scaffold, scaffold_split
from .store import SequenceStore, write_store
from .stream import stream
from .vocabulary import PUBLISHED, Chemistry, Vocabulary, plain_vocabulary
from .weights import (
    RELEASES,
    model_from_published,
    published_record,
    read_published,
    state_from_published,
    state_to_published,
    write_published,
)

__all__ = [
    "EDGE",
    "NODE",
    "PUBLISHED",
    "RELEASES",
    "Chemistry",
    "Decoded",
    "Drawing",
    "Goal",
    "Grammar",
    "Graph",
    "GraphConfig",
    "GraphDataset",
    "GraphError",
    "Graphs",
    "GrowthGrammar",
    "NextTokenHead",
    "NextTokens",
    "Ordering",
    "Properties",
    "PropertyHead",
    "Sampled",
    "SequenceBatch",
    "SequenceEmbed",
    "SequenceStore",
    "Skipped",
    "Tally",
    "Vocabulary",
    "arranged",
    "build",
    "canonical",
    "config_from_published",
    "config_to_published",
    "decode",
    "decode_molecule",
    "decoder_core",
    "encode",
    "encode_with",
    "fit_to_data",
    "g2pt",
    "goals_of",
    "graph_from_molecule",
    "graph_from_smiles",
    "initialise",
    "is_published",
    "model_from_published",
    "molecule_from_graph",
    "molecules_nano",
    "open_corpus",
    "open_graphs",
    "plain_vocabulary",
    "published_ordering",
    "published_record",
    "random_split",
    "read_published",
    "roc_auc",
    "sample_sequences",
    "scaffold",
    "scaffold_split",
    "set_statistics",
    "smiles_from_graph",
    "state_from_published",
    "state_to_published",
    "stream",
    "token_losses",
    "write_published",
    "write_store",
]
