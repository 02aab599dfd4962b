"""A leaderboard as static pages, built from result records, and what smells about them."""

from .board import build_leaderboard
from .smells import SMELLS, Smell, find_smells

__all__ = ["SMELLS", "Smell", "build_leaderboard", "find_smells"]
