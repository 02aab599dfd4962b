"""What is known of one data set: one YAML file, read into a frozen record that refuses what it does not know."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from ..errors import DataError
from ..store import did_you_mean
from .calendar import require_calendar
from .licences import Licence, Redistribution
from .parts import Splits, check_parts
from .sources import Source
from .strict import Strict, checked, read_record

DOMAINS = ("pde", "weather", "biodiversity", "graphs")
LONGEST_TITLE = 200
IDENTIFIER = r"^[a-z]+\.[a-z0-9]+(-[a-z0-9]+)*$"
Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
StandardName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


def written_units(text: str) -> str:
    """Units as they are written, such as `m s-1` or `μg m⁻³`.

    Raises:
        ValueError: text that is no unit.
    """
    if not 1 <= len(text) <= 80 or not text.isprintable() or text != text.strip() or set(text) & set(";<>{}|\\`"):
        raise ValueError(
            f"units are 1 to 80 printable characters, none of ;<>{{}}|\\`, got {text[:80]!r}; correct them"
        )
    return text


Units = Annotated[str, AfterValidator(written_units)]


class Citation(Strict):
    """How the makers want to be cited; a DOI that is not known is left out."""

    text: str = Field(min_length=1)
    doi: Annotated[str, StringConstraints(pattern=r"^10\.\d{4,9}/\S+$")] | None = None
    url: str | None = None


class Dims(Strict):
    """Names in the data of the dimensions that play a part."""

    sample: str | None = None
    time: str | None = None
    space: tuple[str, ...] = ()
    level: str | None = None
    realization: str | None = None
    component: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that is there."""
        single = (self.sample, self.time, self.level, self.realization, self.component)
        return tuple(name for name in (*single, *self.space) if name)


class Grid(Strict):
    """Where the values lie.

    Attributes:
        type: of the grid.
        periodic: axes that close on themselves.
        crs: coordinate reference system, such as EPSG:4326.
        resolution: distance between points, in `units`.
        extent: first and last coordinate of an axis.
    """

    type: Literal["regular_latlon", "cartesian", "gaussian", "healpix", "unstructured", "points"]
    periodic: tuple[str, ...] = ()
    crs: str | None = None
    resolution: dict[str, float] = Field(default_factory=dict)
    units: Units | None = None
    extent: dict[str, tuple[float, float]] = Field(default_factory=dict)


class Levels(Strict):
    """A vertical axis that variables refer to by its name."""

    values: tuple[float, ...]
    units: Units
    note: str | None = None


class Variable(Strict):
    """One variable; `units` is None where they are not known, and for text.

    Attributes:
        role: what a model does with it; `input` and `target` where they differ, `static` does not change with time.
        levels: name of a vertical axis of the entry.
        name: in the files, where it is another.
    """

    units: Units | None = None
    standard_name: StandardName | None = None
    long_name: str | None = None
    role: Literal["state", "forcing", "static", "input", "target", "coordinate", "label"] = "state"
    levels: str | None = None
    name: str | None = None
    kind: Literal["number", "category", "text"] = "number"


class Missing(Strict):
    """What stands for a missing value, what is done about it, and which dates lack."""

    policy: Literal["error", "mask", "skip", "fill"] = "error"
    value: str | float | None = None
    fill: dict[str, float] = Field(default_factory=dict)
    dates: tuple[str, ...] = ()


class Moments(Strict):
    """Statistics of one variable, of all its values or one for each level."""

    mean: float | tuple[float, ...]
    std: float | tuple[float, ...]
    min: float | tuple[float, ...] | None = None
    max: float | tuple[float, ...] | None = None
    n: int | None = Field(None, ge=0)
    diff_std: dict[str, float] = Field(default_factory=dict)


class Statistics(Strict):
    """Statistics, and what they are over.

    Attributes:
        over: the part, or words such as `all`.
        by: who computed them: Humboldt, or the publication.
        computed: date.
        fingerprint: of the data that they were computed from.
    """

    over: str
    by: str
    computed: str | None = None
    fingerprint: str | None = None
    variables: dict[Name, Moments]


class Entry(Strict):
    """A data set of the catalog.

    Attributes:
        format: of this file (`schema` in YAML).
        id: domain and name; version: of the data: a changed checksum without a new version is an error.
        opening: what the domain's `open` is told beside the path.
        sizes: of dimensions that are known.
        chunking: how many labels of a dimension lie in one chunk.
    """

    format: Literal[1] = Field(alias="schema")
    id: Identifier
    version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]
    title: str = Field(min_length=1, max_length=LONGEST_TITLE)
    description: str = ""
    keywords: tuple[str, ...] = ()
    used_by: tuple[str, ...] = ()
    licence: Licence | None
    redistribution: Redistribution = "unknown"
    citation: Citation
    source: Source
    opening: dict[str, Any] = Field(default_factory=dict)
    dims: Dims = Dims()
    sizes: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    calendar: str | None = None
    grid: Grid | None = None
    levels: dict[str, Levels] = Field(default_factory=dict)
    variables: dict[Name, Variable] = Field(min_length=1)
    missing: Missing = Missing()
    splits: Splits | None = None
    statistics: Statistics | None = None
    chunking: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @classmethod
    def from_data(cls, data: dict[str, Any], name: str = "the entry") -> Entry:
        """An entry from a mapping; `name` stands in messages.

        Raises:
            DataError: whatever is wrong with it.
        """
        return checked(data, cls, name)

    @cached_property
    def domain(self) -> str:
        """The science that it belongs to."""
        return self.id.partition(".")[0]

    @property
    def has_checksum(self) -> bool:
        """Whether what is fetched can be checked."""
        return self.source.has_checksum

    @field_validator("id")
    @classmethod
    def _domain_is_known(cls, value: str) -> str:
        domain = value.partition(".")[0]
        if domain not in DOMAINS:
            raise ValueError(
                f"an id is DOMAIN.NAME with a domain of {', '.join(DOMAINS)}, got {value!r}"
                f"{did_you_mean(domain, DOMAINS)}"
            )
        return value

    @field_validator("calendar")
    @classmethod
    def _calendar_is_known(cls, value: str | None) -> str | None:
        return value if value is None else require_calendar(value)

    @model_validator(mode="after")
    def _parts_fit(self) -> Entry:
        if (self.dims.time is not None) != (self.calendar is not None):
            raise ValueError(
                f"a calendar goes with a time dimension, got time {self.dims.time!r} and calendar {self.calendar!r}; "
                "name the calendar of CF, or 'none' where times are not dates; it is not guessed"
            )
        self._refer("grid.periodic", (self.grid.periodic if self.grid else ()), self.dims.space)
        self._refer("sizes", self.sizes, self.dims.names)
        self._refer("chunking", self.chunking, self.dims.names)
        self._refer("levels of a variable", [v.levels for v in self.variables.values() if v.levels], self.levels)
        self._refer("missing.fill", self.missing.fill, self.variables)
        if self.statistics:
            self._refer("statistics", self.statistics.variables, self.variables)
        if self.splits:
            self._refer("splits.along", [self.splits.along], (*self.dims.names, *self.variables, "file"))
            check_parts(self.splits, self.calendar if self.splits.along == self.dims.time else None)
        return self

    def _refer(self, place: str, used: Any, known: Any) -> None:
        for name in used:
            if name not in known:
                raise ValueError(
                    f"{place}: a name is one of {', '.join(known)}, got {name!r}{did_you_mean(name, [*known])}"
                )


def is_identifier(text: str) -> bool:
    """Whether a text is written like the id of an entry: one of the domains, a dot, a name."""
    return re.match(IDENTIFIER, text) is not None and text.partition(".")[0] in DOMAINS


def read_entry(path: str | Path) -> Entry:
    """The entry in a YAML file.

    Raises:
        DataError: whatever is wrong with it, with the place, the rule, the value and the nearest name.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"an entry is a text file that can be read, got {path} ({error})") from error
    return parse_entry(text, str(path))


def parse_entry(text: str, name: str = "the entry") -> Entry:
    """The entry in a text; `name` stands in messages.

    Raises:
        DataError: whatever is wrong with it.
    """
    return read_record(text, Entry, name)


def write_entry(entry: Entry) -> str:
    """The entry as YAML, without what is as it is by default."""
    import yaml

    data = entry.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    data = {"schema": data["schema"], "licence": None, **data}
    order = [field.alias or name for name, field in Entry.model_fields.items()]
    ordered = {key: data[key] for key in order if key in data}
    text = yaml.safe_dump(ordered, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
