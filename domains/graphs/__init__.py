"""Graphs and molecules as sequences of tokens: reading, writing, generation, properties."""

from .adapt import arranged, goals_of
from .balance import Balance, Balanced
from .batch import NextTokens, Properties, SequenceBatch
from .config import Goal, GraphConfig, Readout
from .data import GraphDataset, open_graphs
from .domain import Graphs, build, initialise
from .drawing import Drawing
from .embed import SequenceEmbed
from .embeddings import embeddings
from .files import Skipped
from .flows import Flow, balance_loss, converted, distance, drawn, learn, learn_outcomes
from .grammar import Grammar
from .graph import EDGE, NODE, Graph, GraphError
from .growth_grammar import GrowthGrammar
from .heads import NextTokenHead, PropertyHead, token_losses
from .lawful import unlawful
from .likeness import (
    fragment_similarity,
    frechet_distance,
    internal_diversity,
    nearest_similarity,
    property_distances,
    scaffold_similarity,
)
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
from .outcomes import OutcomeBalance
from .pictures import draw_molecules
from .places import Sampled
from .ppo import PPO, Proximal
from .pretraining import molecules_nano, open_corpus, with_few_tiny
from .properties import calibration, for_task, predict_properties
from .published import config_from_published, config_to_published, decoder_core, g2pt, is_published
from .reading import sayable
from .rewards import Reward, RewardError
from .rollout import Rollout, log_policy, roll_out
from .sample import sample_sequences
from .scores import score_properties
from .sequence import Ordering, decode, encode, encode_with, published_ordering
from .soft_tokens import NodeReader, VectorGraph
from .splitting import random_split, scaffold, scaffold_split
from .store import SequenceStore, write_store
from .stream import stream
from .uncertainty import Calibration
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
    "PPO",
    "PUBLISHED",
    "RELEASES",
    "Balance",
    "Balanced",
    "BitSequences",
    "Calibration",
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
    "NodeReader",
    "Ordering",
    "OutcomeBalance",
    "Properties",
    "PropertyHead",
    "Proximal",
    "Readout",
    "Reward",
    "RewardError",
    "Rollout",
    "Sampled",
    "SequenceBatch",
    "SequenceEmbed",
    "SequenceStore",
    "Skipped",
    "Tally",
    "VectorGraph",
    "Vocabulary",
    "arranged",
    "average_precision",
    "balance_loss",
    "build",
    "calibration",
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
    "fragment_similarity",
    "frechet_distance",
    "g2pt",
    "goals_of",
    "graph_from_molecule",
    "graph_from_smiles",
    "initialise",
    "internal_diversity",
    "is_published",
    "learn",
    "learn_outcomes",
    "log_policy",
    "model_from_published",
    "molecule_from_graph",
    "molecules_nano",
    "nearest_similarity",
    "open_corpus",
    "open_graphs",
    "plain_vocabulary",
    "predict_properties",
    "property_distances",
    "published_ordering",
    "published_record",
    "random_split",
    "read_published",
    "roc_auc",
    "roll_out",
    "sample_sequences",
    "sayable",
    "scaffold",
    "scaffold_similarity",
    "scaffold_split",
    "score_properties",
    "smiles_from_graph",
    "state_from_published",
    "state_to_published",
    "stream",
    "token_losses",
    "unlawful",
    "with_few_tiny",
    "write_published",
    "write_store",
]
