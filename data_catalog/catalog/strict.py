"""Records that are read from files: no key that is not known, and every fault told as a rule, a value and a cure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from ..errors import DataError
from ..store import did_you_mean

LARGEST, DEEPEST = 2**20, 12
Kind = TypeVar("Kind", bound="Strict")


class Strict(BaseModel):
    """A frozen record; a key that it does not have is refused with the nearest one that it has."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _know_the_keys(cls, data: Any) -> Any:
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for key in data if isinstance(data, dict) else ():
            if key not in known:
                raise ValueError(f"a key is one of {', '.join(known)}, got {key!r}{did_you_mean(str(key), known)}")
        return data


def relative_path(text: str) -> str:
    """A path below its folder.

    Raises:
        ValueError: an absolute path, or one that leads out of the folder.
    """
    parts = re.split(r"[/\\]", text)
    if not text or parts[0] == "" or ".." in parts or ":" in parts[0] or "\0" in text:
        raise ValueError(f"a path lies below its folder (relative, without '..'), got {text!r}; correct it")
    return text


Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Md5 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
RelativePath = Annotated[str, AfterValidator(relative_path)]
Label = int | float | str


def read_record(text: str, kind: type[Kind], name: str) -> Kind:
    """A record from YAML.

    Raises:
        DataError: whatever is wrong with the text; nothing else is raised.
    """
    try:
        data = read_yaml(text)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise DataError(f"{name} is not a YAML file that can be read: {one_line(str(error))}; correct it") from error
    if not isinstance(data, dict):
        raise DataError(f"{name} holds one mapping of keys to values, got {type(data).__name__}; see the schema")
    return checked(data, kind, name)


def checked(data: dict[Any, Any], kind: type[Kind], name: str) -> Kind:
    """A record from a mapping.

    Raises:
        DataError: whatever is wrong with it, each fault with its place.
    """
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise DataError(f"{name}: {'; '.join(told(error))}") from error
    except (OverflowError, TypeError) as error:
        raise DataError(f"{name} holds a value that nothing can be made of ({error}); correct it") from error


def told(error: ValidationError) -> Iterator[str]:
    """Each fault as 'where: what, got value; did you mean ...'."""
    for fault in error.errors(include_url=False):
        place = ".".join(str(part) for part in fault["loc"]) or "the file"
        if fault["type"] == "value_error":
            yield f"{place}: {fault['ctx']['error']}"
            continue
        choices = re.findall(r"'([^']*)'", str(fault.get("ctx", {}).get("expected", "")))
        got = "" if fault["type"] == "missing" else f", got {str(fault['input'])[:80]!r}"
        yield f"{place}: {fault['msg']}{got}{did_you_mean(str(fault['input']), choices)}"


def one_line(text: str) -> str:
    """A message of several lines on one."""
    return re.sub(r"\s+", " ", text).strip()


class Plain(yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader):  # type: ignore[misc]
    """YAML without dates (a label such as 2000-02-30 stays text) and without repeated keys."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        repeated = [str(key) for number, key in enumerate(keys) if key in keys[:number]]
        if repeated:
            raise ValueError(f"a key stands once in a mapping, got {repeated[0]!r} twice")
        return super().construct_mapping(node, deep)


Plain.yaml_implicit_resolvers = {
    first: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:timestamp"]
    for first, rules in Plain.yaml_implicit_resolvers.items()
}


def read_yaml(text: str) -> Any:
    """YAML of bounded size and depth, without aliases (a few of which can stand for terabytes).

    Raises:
        ValueError: beyond the bounds, or a repeated key.
        yaml.YAMLError: not YAML.
    """
    if len(text) > LARGEST:
        raise ValueError(f"an entry has at most {LARGEST} characters, got {len(text)}")
    depth = 0
    for event in yaml.parse(text, Loader=Plain):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError(f"an entry is nested at most {DEEPEST} deep")
        if isinstance(event, yaml.AliasEvent):
            raise ValueError(f"an entry has no aliases, got *{event.anchor}; write the value out")
    try:
        return yaml.load(text, Loader=Plain)
    except (TypeError, RecursionError) as error:  # a mapping as a key
        raise ValueError(f"keys are text ({error})") from error
