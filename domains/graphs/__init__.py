"""Graphs and molecules as sequences of tokens: reading, writing, generation, properties."""

from .adapt import arranged, goals_of
from .batch import NextTokens, Properties, SequenceBatch
from .config import Goal, GraphConfig, Readout
from .data import GraphDataset, open_graphs
from .domain import Graphs, build, initialise
from .embed import SequenceEmbed
from .files import Skipped
from .flows import Flow, balance_loss, converted, distance, drawn, learn, learn_outcomes
from .grammar import Grammar
from .graph import EDGE, NODE, Graph, GraphError
from .growth_grammar import GrowthGrammar
from .heads import NextTokenHead, PropertyHead, token_losses
from .metrics import Tally, average_precision, roc_auc
from .molecules import (
    Decoded,
    canonical,
    decode_molecule,
    graph_from_molecule,
    graph_from_smiles,
    molecule_from_graph,
    smiles_from_graph,
)
from .pictures import draw_molecules
from .pretraining import molecules_nano, open_corpus
from .properties import embeddings, for_task, predict_properties, sayable, score_properties
from .published import config_from_published, config_to_published, decoder_core, g2pt, is_published
from .rewards import Reward, RewardError
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
from .worlds import BitSequences, GridWorld

__all__ = [
    "EDGE",
    "NODE",
    "PUBLISHED",
    "RELEASES",
    "BitSequences",
    "Chemistry",
    "Decoded",
    "Drawing",
    "Flow",
    "Goal",
    "Grammar",
    "Graph",
    "GraphConfig",
    "GraphDataset",
    "GraphError",
    "Graphs",
    "GridWorld",
    "GrowthGrammar",
    "NextTokenHead",
    "NextTokens",
    "Ordering",
    "Properties",
    "PropertyHead",
    "Readout",
    "Reward",
    "RewardError",
    "Sampled",
    "SequenceBatch",
    "SequenceEmbed",
    "SequenceStore",
    "Skipped",
    "Tally",
    "Vocabulary",
    "arranged",
    "average_precision",
    "balance_loss",
    "build",
    "canonical",
    "config_from_published",
    "config_to_published",
    "converted",
    "decode",
    "decode_molecule",
    "decoder_core",
    "distance",
    "draw_molecules",
    "drawn",
    "embeddings",
    "encode",
    "encode_with",
    "for_task",
    "g2pt",
    "goals_of",
    "graph_from_molecule",
    "graph_from_smiles",
    "initialise",
    "is_published",
    "learn",
    "learn_outcomes",
    "model_from_published",
    "molecule_from_graph",
    "molecules_nano",
    "open_corpus",
    "open_graphs",
    "plain_vocabulary",
    "predict_properties",
    "published_ordering",
    "published_record",
    "random_split",
    "read_published",
    "roc_auc",
    "sample_sequences",
    "sayable",
    "scaffold",
    "scaffold_split",
    "score_properties",
    "smiles_from_graph",
    "state_from_published",
    "state_to_published",
    "stream",
    "token_losses",
    "write_published",
    "write_store",
]
