"""Rewards of molecules: any function, an expression of descriptors, or something slow; each molecule is asked once.

Reward(my_function)                              SMILES -> number
Reward("qed - 0.1 * abs(logp - 2.5)")            an expression of `DESCRIPTORS`
Reward(dock, processes=8, timeout=60)            a slow function, in processes of its own [s]
Reward(dock, processes=8, cache="docked.jsonl")  whose answers are kept in a file
Reward(predict, batch=64)                        a function of many SMILES at once
"""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .toolkit import toolkit
from .workers import Answer, answer, answers

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
        function: SMILES -> number, or an expression of `DESCRIPTORS`; with `batch` a list of SMILES -> as many numbers.
        processes: ask so many processes at a time; 0 asks here.
        timeout: that a molecule may take (with processes only) [s].
        otherwise: what a molecule is worth for which the function raises, takes too long, ends its process or gives no
            finite number; without it that is an error.
        batch: molecules that the function takes at once; None for a function of one. A batch that fails is asked again
            one by one.
        cache: file in which answers are kept, a line each as they come; a later run does not ask for them again.

    Attributes:
        calls: molecules that the function was asked for.
        failed: of these, those that got `otherwise`.

    Raises:
        RewardError: a setting that cannot be, or a cache of another reward.
    """

    def __init__(
        self,
        function: Callable[[str], float] | Callable[[list[str]], Sequence[float]] | str,
        *,
        processes: int = 0,
        timeout: float | None = None,
        otherwise: float | None = None,
        batch: int | None = None,
        cache: str | Path | None = None,
    ) -> None:
        self.function: Callable[[Any], Any] = expression(function) if isinstance(function, str) else function
        self.name = function if isinstance(function, str) else getattr(function, "__name__", "reward")
        if processes < 0 or (timeout is not None and timeout <= 0):
            raise RewardError(
                f"processes are 0 (here) or more and have some time, got processes={processes}, timeout={timeout}; "
                "correct them"
            )
        if timeout is not None and not processes:
            raise RewardError(f"only another process can be stopped, got timeout={timeout} here; set processes=1")
        if batch is not None and (batch < 1 or isinstance(function, str)):
            raise RewardError(
                f"a batch holds 1 molecule or more, for a function of a list of SMILES, got batch={batch} for "
                f"{self.name!r}; leave it out for a function of one"
            )
        self.processes, self.timeout, self.otherwise, self.batch = processes, timeout, otherwise, batch
        self.cache = None if cache is None else Path(cache)
        self.known: dict[str, float] = {} if self.cache is None else read_cache(self.cache, self.name)
        self.calls = self.failed = 0

    def __call__(self, smiles: Sequence[str]) -> np.ndarray:
        """Rewards (n,).

        Raises:
            RewardError: the function raised, took too long or gave no finite number, and `otherwise` is not given.
        """
        new = [one for one in dict.fromkeys(smiles) if one not in self.known]
        for one, value, problem in self._asked(new):
            if problem and self.otherwise is None:
                raise RewardError(
                    f"a reward is a finite number for every molecule, but of {one!r}: {problem}; correct the function, "
                    "or say with otherwise= what such a molecule is worth"
                )
            self.calls += 1
            self.failed += bool(problem)
            self.known[one] = float(self.otherwise if problem else value)  # type: ignore[arg-type]
            if self.cache is not None and not problem:
                with self.cache.open("a") as file:
                    file.write(json.dumps([one, self.known[one]]) + "\n")
        return np.array([self.known[one] for one in smiles])

    def _asked(self, smiles: list[str]) -> Iterator[tuple[str, float, str]]:
        """Molecule, value and problem, as they are answered."""
        size = self.batch or 1
        parts = [smiles[start : start + size] for start in range(0, len(smiles), size)]
        again: list[list[str]] = []
        for place, found in self._answers(parts):
            values, problem = numbers(parts[place], found)
            if problem and len(parts[place]) > 1:
                again += [[one] for one in parts[place]]
                continue
            yield from zip(parts[place], *told(values, problem), strict=True)
        for place, found in self._answers(again):
            yield from zip(again[place], *told(*numbers(again[place], found)), strict=True)

    def _answers(self, parts: list[list[str]]) -> Iterable[tuple[int, Answer]]:
        asked: list[Any] = parts if self.batch else [part[0] for part in parts]
        if not self.processes:
            return ((place, answer(self.function, one)) for place, one in enumerate(asked))
        longest = None if self.timeout is None else self.timeout * max(map(len, parts), default=1)
        return answers(self.function, asked, self.processes, longest)


def numbers(smiles: list[str], found: Answer) -> tuple[list[float], str]:
    """A number for each molecule, and what is wrong with the answer."""
    values, problem = found
    if problem:
        return [math.nan] * len(smiles), problem
    try:
        flat = np.asarray(values, dtype=float).reshape(-1).tolist()
    except (TypeError, ValueError):
        return [math.nan] * len(smiles), f"got {values!r}"
    if len(flat) != len(smiles):
        return [math.nan] * len(smiles), f"got {len(flat)} numbers for {len(smiles)} molecules"
    return flat, ""


def told(values: list[float], problem: str) -> tuple[list[float], list[str]]:
    """Values, and the problem of each."""
    return values, [problem or ("" if math.isfinite(value) else f"got {value}") for value in values]


def read_cache(path: Path, name: str) -> dict[str, float]:
    """Answers of a file, which is begun where there is none; a line that was half written is left out.

    Raises:
        RewardError: a file of another reward.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"reward": name}) + "\n")
        return {}
    text = path.read_text()
    lines = text.splitlines()
    try:
        said = json.loads(lines[0])["reward"]
    except (IndexError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise RewardError(f"answers are kept in a file that a reward began, got {path}; name another file") from error
    if said != name:
        raise RewardError(
            f"a file keeps the answers of one reward, {path} those of {said!r}, got {name!r}; name another"
        )
    whole = lines if text.endswith("\n") else lines[:-1]
    if len(whole) < len(lines):
        path.write_text("".join(f"{line}\n" for line in whole))
    return {smiles: float(value) for smiles, value in map(json.loads, whole[1:])}


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
        return float(eval(code, {"__builtins__": {}}, {**FUNCTIONS, **descriptors(smiles, asked)}))

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
    import sascorer

    return float(sascorer.calculateScore(mol))


def penalised(mol: Any) -> float:
    """logP - synthetic accessibility - atoms of the largest ring beyond six, not standardised."""
    from rdkit.Chem import Crippen

    largest = max((len(ring) for ring in mol.GetRingInfo().AtomRings()), default=0)
    return float(Crippen.MolLogP(mol)) - accessibility(mol) - max(0, largest - 6)  # type: ignore[attr-defined]
