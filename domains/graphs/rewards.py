"""Rewards of molecules: any function, an expression of descriptors, or something slow; each molecule is asked once.

Reward(my_function)                              SMILES -> number
Reward("qed - 0.1 * abs(logp - 2.5)")            an expression of `DESCRIPTORS`
Reward(dock, processes=8, timeout=60)            a slow function, in processes of its own [s]
"""

from __future__ import annotations

import ast
import math
import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .molecules import toolkit

FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": abs, "min": min, "max": max, "exp": math.exp, "log": math.log, "sqrt": math.sqrt,
}  # fmt: skip
DESCRIPTORS = ("qed", "logp", "weight", "tpsa", "donors", "acceptors", "rotatable", "rings", "atoms", "sa", "plogp")
"""QED, Crippen's logP, molecular weight [g/mol], polar surface [A^2], hydrogen bond donors and acceptors, rotatable
bonds, rings, heavy atoms, synthetic accessibility (1 easy to 10 hard), and logP penalised by it and by large rings."""
NODES = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Call, ast.Name, ast.Load, ast.Constant, ast.Compare, ast.IfExp,
    ast.BoolOp, ast.And, ast.Or, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.USub, ast.Lt, ast.LtE, ast.Gt,
    ast.GtE,
)  # fmt: skip


class RewardError(ValueError):
    """A reward that cannot be had; the message states the rule, the molecule and the cure."""


class Reward:
    """Numbers of molecules, remembered; larger is better.

    Args:
        function: SMILES -> number, or an expression of `DESCRIPTORS`.
        processes: ask so many processes at a time; 0 asks here.
        timeout: seconds that a molecule may take (with processes only).
        otherwise: what a molecule is worth for which the function raises, takes too long or gives no finite number;
            without it that is an error.

    Attributes:
        calls: molecules that the function was asked for.
        failed: of these, those that got `otherwise`.
    """

    def __init__(
        self,
        function: Callable[[str], float] | str,
        *,
        processes: int = 0,
        timeout: float | None = None,
        otherwise: float | None = None,
    ) -> None:
        self.function = expression(function) if isinstance(function, str) else function
        self.name = function if isinstance(function, str) else getattr(function, "__name__", "reward")
        if timeout is not None and not processes:
            raise RewardError(f"only another process can be stopped, got timeout={timeout} here; set processes=1")
        self.processes, self.timeout, self.otherwise = processes, timeout, otherwise
        self.known: dict[str, float] = {}
        self.calls = self.failed = 0

    def __call__(self, smiles: Sequence[str]) -> np.ndarray:
        """Rewards (n,).

        Raises:
            RewardError: the function raised, took too long or gave no finite number, and `otherwise` is not given.
        """
        new = [one for one in dict.fromkeys(smiles) if one not in self.known]
        for one, (value, problem) in zip(new, self._asked(new), strict=True):
            if not problem and not math.isfinite(value):
                problem = f"got {value}"
            if problem and self.otherwise is None:
                raise RewardError(
                    f"a reward is a finite number for every molecule, but of {one!r}: {problem}; correct the function, "
                    "or say with otherwise= what such a molecule is worth"
                )
            self.calls += 1
            self.failed += bool(problem)
            self.known[one] = float(self.otherwise if problem else value)  # type: ignore[arg-type]
        return np.array([self.known[one] for one in smiles])

    def _asked(self, smiles: list[str]) -> Iterable[tuple[float, str]]:
        if not self.processes or not smiles:
            yield from (answer(self.function, one) for one in smiles)
            return
        waiting = list(smiles)
        while waiting:  # a process that stalls is ended with its pool, and the others are asked again
            with multiprocessing.get_context("fork").Pool(self.processes) as pool:
                asked = [pool.apply_async(answer, (self.function, one)) for one in waiting]
                for place, result in enumerate(asked):
                    try:
                        yield result.get(self.timeout)
                    except multiprocessing.TimeoutError:
                        yield math.nan, f"no answer within {self.timeout} s"
                        waiting = waiting[place + 1 :]
                        break
                else:
                    waiting = []


def answer(function: Callable[[str], float], smiles: str) -> tuple[float, str]:
    """The value, or what went wrong."""
    try:
        return float(function(smiles)), ""
    except Exception as error:  # whatever a user's function raises is told with its molecule
        return math.nan, f"{type(error).__name__}: {error}"


def expression(text: str) -> Callable[[str], float]:
    """The function of a molecule that an expression of descriptors says, such as `qed - 0.1 * abs(logp - 2.5)`.

    Raises:
        RewardError: it is not an expression, or has another name than `DESCRIPTORS` and `FUNCTIONS`.
    """
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError as error:
        raise RewardError(f"a reward is an expression of descriptors, got {text!r}: {error.msg}") from error
    for node in ast.walk(tree):
        if not isinstance(node, NODES):
            raise RewardError(f"a reward is made of numbers, descriptors and functions, got {ast.unparse(node)!r}")
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if unknown := sorted(names - {*DESCRIPTORS, *FUNCTIONS}):
        raise RewardError(
            f"descriptors are {', '.join(DESCRIPTORS)}, functions {', '.join(FUNCTIONS)}, got {unknown[0]!r}"
        )
    code, asked = compile(tree, "reward", "eval"), sorted(names & {*DESCRIPTORS})

    def value(smiles: str) -> float:
        return float(eval(code, {"__builtins__": {}}, FUNCTIONS | descriptors(smiles, asked)))

    value.__name__ = text
    return value


def descriptors(smiles: str, names: Iterable[str]) -> dict[str, float]:
    """Descriptors of a molecule by name."""
    from rdkit.Chem import QED, Crippen, Descriptors, rdMolDescriptors

    mol = toolkit().MolFromSmiles(smiles)
    if mol is None:
        raise RewardError(f"a molecule is a SMILES that RDKit reads, got {smiles!r}")
    known: dict[str, Callable[[Any], float]] = {
        "qed": QED.qed,
        "logp": Crippen.MolLogP,  # type: ignore[attr-defined]
        "weight": Descriptors.MolWt,  # type: ignore[attr-defined]
        "tpsa": rdMolDescriptors.CalcTPSA,
        "donors": rdMolDescriptors.CalcNumHBD,
        "acceptors": rdMolDescriptors.CalcNumHBA,
        "rotatable": rdMolDescriptors.CalcNumRotatableBonds,
        "rings": rdMolDescriptors.CalcNumRings,
        "atoms": lambda mol: mol.GetNumHeavyAtoms(),
        "sa": accessibility,
        "plogp": penalised,
    }
    return {name: float(known[name](mol)) for name in names}


def accessibility(mol: Any) -> float:
    """Synthetic accessibility, from 1 (easy) to 10 (Ertl and Schuffenhauer 2009), by RDKit's contributed score."""
    import sys
    from pathlib import Path

    from rdkit import RDConfig

    folder = str(Path(RDConfig.RDContribDir) / "SA_Score")
    if folder not in sys.path:
        sys.path.append(folder)
    import sascorer  # type: ignore[import-not-found]

    return float(sascorer.calculateScore(mol))


def penalised(mol: Any) -> float:
    """logP - synthetic accessibility - atoms of the largest ring beyond six, not standardised."""
    from rdkit.Chem import Crippen

    largest = max((len(ring) for ring in mol.GetRingInfo().AtomRings()), default=0)
    return float(Crippen.MolLogP(mol)) - accessibility(mol) - max(0, largest - 6)  # type: ignore[attr-defined]
