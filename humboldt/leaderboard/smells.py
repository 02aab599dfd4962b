"""What makes a leaderboard mislead: known smells (LBOps, arXiv 2407.04065), each found by a function of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..results import Result

PROVENANCE = ("model_sha256", "data_version", "split_sha256", "code_commit", "unit", "seed", "date", "hardware")
STALE_DAYS = 365
Reach = Callable[[str], bool]


@dataclass(frozen=True)
class Smell:
    """Something that misleads: of which kind, in which records (by key), and what would cure it."""

    kind: str
    keys: tuple[str, ...]
    message: str


@dataclass(frozen=True)
class Inspection:
    """What the functions look at.

    Attributes:
        results: all records.
        folder: from which relative links lead.
        now: today.
        reach: whether a URL answers; None does not ask.
    """

    results: Sequence[Result]
    folder: Path
    now: datetime
    reach: Reach | None = None

    def groups(self, *fields: str) -> Iterator[list[Result]]:
        """Records that agree in some fields."""
        found: dict[tuple[Any, ...], list[Result]] = defaultdict(list)
        for result in self.results:
            found[tuple(getattr(result, name) for name in fields)].append(result)
        return iter(found.values())


def missing_provenance(seen: Inspection) -> Iterator[Smell]:
    """A record does not say where it came from."""
    for result in seen.results:
        absent = [name for name in PROVENANCE if getattr(result, name) in (None, "", "unknown")]
        if absent:
            yield Smell(
                "missing provenance", (result.key,), f"no {', '.join(absent)}; measure it again with provenance"
            )
        elif str(result.code_commit).endswith("+"):
            message = f"the code differed from commit {result.code_commit}; commit, and measure again"
            yield Smell("missing provenance", (result.key,), message)


def stale(seen: Inspection) -> Iterator[Smell]:
    """A record is old, or its date is none."""
    for result in seen.results:
        if result.date is None:
            continue
        try:
            when = datetime.fromisoformat(result.date)
        except ValueError:
            yield Smell("stale", (result.key,), f"a date is ISO 8601, got {result.date!r}; write it as 2026-11-29")
            continue
        days = (seen.now - (when if when.tzinfo else when.replace(tzinfo=UTC))).days
        if days > STALE_DAYS:
            yield Smell("stale", (result.key,), f"measured {days} days ago; measure it again with the present code")


def duplicate(seen: Inspection) -> Iterator[Smell]:
    """Two records are of the same run."""
    for group in seen.groups("protocol", "model", "method", "control", "data", "metric", "samples", "seed"):
        by_settings: dict[str, list[Result]] = defaultdict(list)
        for result in group:
            by_settings[repr(sorted(result.settings.items()))].append(result)
        for same in by_settings.values():
            if len(same) > 1:
                values = sorted({f"{r.value:.4g}" for r in same})
                message = f"{len(same)} records of one run ({', '.join(values)}); keep one of them"
                yield Smell("duplicate", tuple(r.key for r in same), message)


def dead_link(seen: Inspection) -> Iterator[Smell]:
    """A link leads nowhere."""
    for result in seen.results:
        link = result.link
        if not link:
            continue
        if link.startswith(("http://", "https://")):
            alive = seen.reach is None or seen.reach(link)
        else:
            alive = (seen.folder / link.partition("#")[0]).exists()
        if not alive:
            yield Smell("dead link", (result.key,), f"{link} is not there; mend the link or take it out")


def unit_mismatch(seen: Inspection) -> Iterator[Smell]:
    """One metric on the same data comes in several units."""
    for group in seen.groups("protocol", "data", "metric"):
        units = sorted({str(r.unit) for r in group if r.unit})
        if len(units) > 1:
            message = f"{group[0].metric} comes in {', '.join(units)}; convert them to one"
            yield Smell("unit mismatch", tuple(r.key for r in group), message)


def unequal_budgets(seen: Inspection) -> Iterator[Smell]:
    """Methods that are compared were trained for different numbers of steps."""
    for group in seen.groups("protocol", "data", "metric", "samples"):
        steps = sorted({r.steps for r in group if r.steps is not None})
        if len(steps) > 1:
            message = f"trained for {', '.join(map(str, steps))} steps; compare what had the same budget"
            yield Smell("unequal budgets", tuple(r.key for r in group), message)


def another_split(seen: Inspection) -> Iterator[Smell]:
    """Records of the same data and metric were not made on the same parts of them."""
    for group in seen.groups("protocol", "data", "metric"):
        splits = {r.split_sha256 for r in group if r.split_sha256}
        if len(splits) > 1:
            message = f"{len(splits)} different splits of {group[0].data}; compare on one"
            yield Smell("another split", tuple(r.key for r in group), message)


def no_control(seen: Inspection) -> Iterator[Smell]:
    """Nothing says what pretraining was worth."""
    for group in seen.groups("protocol", "data", "metric"):
        if not any(r.control for r in group):
            message = f"{group[0].metric} on {group[0].data} has no random control; run it from random weights too"
            yield Smell("no control", tuple(r.key for r in group), message)


SMELLS: dict[str, Callable[[Inspection], Iterator[Smell]]] = {
    "missing provenance": missing_provenance,
    "stale": stale,
    "duplicate": duplicate,
    "dead link": dead_link,
    "unit mismatch": unit_mismatch,
    "unequal budgets": unequal_budgets,
    "another split": another_split,
    "no control": no_control,
}


def find_smells(
    results: Sequence[Result], *, folder: str | Path = ".", now: datetime | None = None, reach: Reach | None = None
) -> list[Smell]:
    """Everything that smells about records, kind by kind.

    Args:
        results: all that are shown together.
        folder: from which relative links lead.
        now: with a time zone; the present moment by default.
        reach: whether a URL answers; URLs are not asked without it.
    """
    seen = Inspection(results, Path(folder), now or datetime.now(UTC), reach)
    return [smell for find in SMELLS.values() for smell in find(seen)]


def answers(url: str) -> bool:
    """Whether a URL answers without an error, within ten seconds."""
    import requests

    try:
        return requests.head(url, timeout=10, allow_redirects=True).status_code < 400
    except requests.RequestException:
        return False
