"""Labelled states as a model takes them: which variable is which channel, which axis is which, what is periodic."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from humboldt.foundations import Model

from .config import Channel
from .coordinates import AXES, CARTESIAN, NAMES, SPACE, names_in, role_of
from .layouts import split_components

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Axes:
    """The space axes that a state came with.

    Attributes:
        own: their names in the state, in its order.
        names: the names that a name of the state has in `oriented`.
    """

    own: tuple[str, ...] = ()
    names: Mapping[str, str] | None = None

    def restored(self, made: xr.Dataset) -> xr.Dataset:
        """What was made of an oriented state, with the state's own axes in its own order."""
        back = {new: old for old, new in (self.names or {}).items() if new in made.dims and new != old}
        made = made.rename(back)
        return made.transpose(..., *(axis for axis in self.own if axis in made.dims))


def oriented(state: Any, model: Model, dims: Mapping[str, str] | None = None) -> tuple[Any, Axes]:
    """A state whose space axes are called and ordered as in training (else x, y, z), and the axes that it came with.

    Args:
        state: a Dataset or DataArray with dims (..., *space).
        model: says how many axes there are, and how those of its own data were called.
        dims: {axis: dimension of the state} for names that are not recognised; those that the model was tuned with by
            default.

    Raises:
        TypeError: a state without labels.
        ValueError: several axes of which one has a name that does not tell which it is.
    """
    if not isinstance(state, xr.Dataset | xr.DataArray):
        raise TypeError(f"a state is an xarray Dataset or DataArray, got {type(state).__name__}; open it with xarray")
    state = renamed(state, model)
    said = taught_dims(model, state) if dims is None else dims
    own = {name: axis for axis, name in said.items()}
    dims_of_all, axes_of_model = _dims(state), model.config.core.axes
    every = {dim: own.get(dim) or role_of(dim) or _axis(state, dim) for dim in dims_of_all}
    told = tuple(dim for dim, role in every.items() if role in SPACE)
    last = told if len(told) == axes_of_model else dims_of_all[-axes_of_model:]
    roles = {dim: every[dim] for dim in last}
    if {"sample", "time"} & set(roles.values()) or len(last) < axes_of_model:
        return state, Axes()  # refused where the variables are checked
    if None in roles.values() and len(last) > 1 and len({*last}) == len(last):
        unknown = [dim for dim, role in roles.items() if role is None]
        axes = ", ".join(f"'{axis}': {dim!r}" for axis, dim in zip(CARTESIAN, last, strict=False))
        raise ValueError(
            f"the axes of a state are told by their names (x, y, z), got {unknown[0]!r} among {list(last)}; say which "
            f"is which, such as dims={{{axes}}}"
        )
    taken = state.variables if isinstance(state, xr.Dataset) else state.coords
    names = {dim: role for dim, role in roles.items() if role and (role == dim or role not in taken)}
    known = next((axes for axes in (taught_space(model), CARTESIAN) if set(roles.values()) <= set(axes)), ())
    order = sorted(last, key=lambda dim: known.index(str(roles[dim]))) if known else list(last)
    moved = state if order == list(dims_of_all[-axes_of_model:]) else state.transpose(..., *order)
    return moved.rename({dim: name for dim, name in names.items() if name != dim}), Axes(last, names)


def from_forecast(state: Any) -> Any:
    """A state that is taken from a forecast, as one of the time that it was forecast for; others as they are.

    Raises:
        ValueError: several lead times.
    """
    if not isinstance(state, xr.Dataset | xr.DataArray) or "lead_time" not in {*state.dims, *state.coords}:
        return state
    if "lead_time" in state.dims:
        raise ValueError(
            f"a state is of one lead time of a forecast, got {state.sizes['lead_time']} along 'lead_time'; choose one, "
            "such as state.isel(lead_time=-1)"
        )
    coords, rest = state.coords, state.drop_vars(["lead_time", "valid_time"], errors="ignore")
    if not {"time", "valid_time"} <= coords.keys() or coords["time"].dims != coords["valid_time"].dims:
        return rest
    return rest.assign_coords(time=(coords["time"].dims, coords["valid_time"].values, coords["time"].attrs))


def renamed(state: Any, model: Model) -> Any:
    """The variables of a state under the names that they were given when the model's data were opened."""
    said = model.provenance.get("recipe", {}).get("opening", {}).get("variables")
    if not isinstance(said, Mapping) or not isinstance(state, xr.Dataset):
        return state
    return state.rename({old: new for old, new in said.items() if old in state and new not in state})


def taught_dims(model: Model, state: Any) -> Mapping[str, str]:
    """{axis: dimension} as the data of a model were opened, where the state has them all."""
    dims = model.provenance.get("recipe", {}).get("opening", {}).get("dims") or {}
    here = {axis: name for axis, name in dims.items() if axis in SPACE}
    return here if set(here.values()) <= set(map(str, state.dims)) else {}


def taught_space(model: Model) -> tuple[str, ...]:
    """The space axes of the data that a model was tuned on, in their order; none where it is not said."""
    return tuple(model.provenance.get("data", {}).get("train", {}).get("space", ()))


def require_taught_order(model: Model, space: Sequence[str]) -> None:
    """Refuse data with the axes that a model was tuned on in another order.

    Raises:
        ValueError: says both orders.
    """
    taught = taught_space(model)
    if set(taught) == set(space) and taught != tuple(space):
        raise ValueError(
            f"data are scored with their axes in the order that the model was tuned on, {list(taught)}, got "
            f"{list(space)}; transpose them, such as data.transpose(..., {', '.join(map(repr, taught))})"
        )


def _dims(state: Any) -> tuple[str, ...]:
    """The dims of the variable that has most, components left out."""
    variables = list(state.data_vars.values()) if isinstance(state, xr.Dataset) else [state]
    whole = max(variables, key=lambda v: v.ndim, default=None)
    dims = (str(d) for d in (() if whole is None else whole.dims))
    return tuple(dim for dim in dims if dim.lower() not in NAMES["component"])


def _axis(state: Any, dim: str) -> str | None:
    """What the axis attribute of a coordinate says."""
    return AXES.get(str(state[dim].attrs.get("axis", ""))) if dim in state.coords else None


def say_other_topology(model: Model, periodic: tuple[bool, ...]) -> None:
    """Warn of data whose axes close on themselves otherwise than those that a model was tuned on."""
    taught = tuple(model.provenance.get("data", {}).get("train", {}).get("periodic", periodic))
    if taught != tuple(periodic):
        log.warning(
            "the model was tuned on data with periodic axes %s, these have %s; if they are of the same kind, open them "
            "alike (periodic=..., --opening '{periodic: ...}')",
            list(taught), list(periodic),
        )  # fmt: skip


def state_fields(state: Any, model: Model, absent: Sequence[str], missing: str) -> tuple[np.ndarray, xr.DataArray]:
    """All leading dims flattened: (state, channel, *space) in float32; and one variable as the pattern."""
    variables, axes = state_variables(state), model.config.core.axes
    named = [channel for channel in model.config.inputs if channel.name not in absent]
    if not named:
        raise ValueError("a forecast starts from at least one channel, but all of the model's inputs are in `absent`")
    here = [variables[c.name] for c in named if c.name in variables]
    whole = max(here, key=lambda v: v.ndim, default=None)  # others may lack some of its dims
    found = {c.name: _checked(variables, c, axes, whole, missing) for c in named}
    pattern = next(iter(found.values()))
    for name, variable in found.items():
        if variable.dims != pattern.dims or variable.shape != pattern.shape:
            raise ValueError(
                f"all variables of a state share their dimensions {dict(pattern.sizes)}, but {name!r} has "
                f"{dict(variable.sizes)}; transpose, broadcast or interpolate it"
            )
    nothing = np.full(pattern.shape, np.nan, dtype=np.float32)
    columns = [found[c.name].values if c.name in found else nothing for c in model.config.inputs]
    stacked = np.stack([np.asarray(c, dtype=np.float32) for c in columns], axis=-1 - axes)
    return stacked.reshape(-1, *stacked.shape[-1 - axes :]), pattern


def state_variables(state: Any) -> xr.Dataset:
    if isinstance(state, xr.Dataset):
        return split_components(state)
    if "channel" in state.dims:
        return state.to_dataset("channel")
    if state.name is None:
        raise ValueError("a DataArray without a `channel` dimension holds one channel under its name, got no name")
    return split_components(state.to_dataset())


def _checked(
    variables: xr.Dataset, channel: Channel, axes: int, whole: xr.DataArray | None, missing: str
) -> xr.DataArray:
    name = channel.name
    if name not in variables:
        near = difflib.get_close_matches(name, [str(v) for v in variables.data_vars], n=1)
        hint = f"; rename {near[0]!r}" if near else "; add it, or name it in `absent`"
        raise ValueError(
            f"the model needs the variable {name!r}, the state has {sorted(map(str, variables.data_vars))}{hint}"
        )
    variable = variables[name]
    units = str(variable.attrs.get("units", channel.units)).strip() or "1"
    if units != channel.units:
        raise ValueError(
            f"the model takes {name!r} in units of {channel.units!r}, the state has {units!r}; convert the values and "
            "set attrs['units']"
        )
    if whole is not None and set(variable.dims) < set(whole.dims):
        variable = variable.broadcast_like(whole).transpose(*whole.dims).assign_attrs(variable.attrs)
    space = variable.dims[-axes:]
    if variable.ndim < axes or {"sample", "time", "channel"} & set(space):
        raise ValueError(
            f"a state has dims (..., *space) with {axes} space axes at the end, but {name!r} has {variable.dims}; "
            "select or transpose"
        )
    infinite, lost = int(np.isinf(variable.values).sum()), int(np.isnan(variable.values).sum())
    if infinite or (lost and missing == "error"):
        where = "fill them" if infinite else "fill them, or say that they are outside of the domain with missing='mask'"
        raise ValueError(
            f"a state is finite everywhere, but {name!r} has {infinite + lost} NaN or infinite values; {where}"
        )
    return variable


def closed_axes(
    state: xr.Dataset | xr.DataArray,
    space: Sequence[str],
    given: bool | Sequence[bool] | None,
    model: Model,
    axes: Axes,
) -> tuple[bool, ...]:
    """Which space axes of an oriented state close on themselves: as given, else as the state says in its attribute
    `periodic`, else as the data did that the model was tuned on, else none."""
    said = state.attrs.get("periodic") if given is None else given
    if said is None:
        taught = model.provenance.get("data", {}).get("train", {}).get("periodic", ())
        if len(taught) == len(space):
            return tuple(bool(closed) for closed in taught)
        log.info("the state does not say whether it is periodic: taken as not periodic; periodic=True says it is")
        return (False,) * len(space)
    if isinstance(said, bool | np.bool_ | int | np.integer):
        return (bool(said),) * len(space)
    if given is None:
        closed = {(axes.names or {}).get(name, name) for name in names_in(said)}
        return tuple(axis in closed for axis in space)
    if len(said) != len(space):
        own = list(axes.own or space)
        raise ValueError(f"`periodic` says True or False, or one of them for each of {own}, got {list(said)}")
    own = [(axes.names or {}).get(axis, axis) for axis in axes.own or space]
    given_for = dict(zip(own, said, strict=True))  # in the order of the state's own axes
    return tuple(bool(given_for[axis]) for axis in space)
