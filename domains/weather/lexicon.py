"""One lexicon of variables: what MERRA-2, ECMWF, CF, CMIP and WeatherBench-2 call the same quantity, and its units."""

from __future__ import annotations

import math
from dataclasses import dataclass

from humboldt.data_catalog import DataError, parse_units

GRAVITY = 9.80665  # m s-2, of the geopotential height
WATER = 1000.0  # kg m-3, of a depth of precipitation


@dataclass(frozen=True)
class Quantity:
    """One physical quantity and its names.

    Attributes:
        name: ECMWF short name.
        units: CF units.
        standard_name: CF standard name.
        aliases: what archives call it.
        surface: whether it is a field without levels.
        bridge: `gravity` where a height and a geopotential say the same, `water` where a depth and a mass do.
    """

    name: str
    units: str
    standard_name: str
    aliases: tuple[str, ...]
    surface: bool = False
    bridge: str = ""


def _quantity(line: str) -> Quantity:
    name, units, standard_name, aliases, *more = (part.strip() for part in line.split("|"))
    flags = more[0].split() if more else []
    bridge = next((flag for flag in flags if flag in ("gravity", "water")), "")
    return Quantity(name, units, standard_name, tuple(aliases.split()), "surface" in flags, bridge)


QUANTITIES = tuple(
    _quantity(line)
    for line in """
t      | K       | air_temperature                 | T ta temperature temp TMP
u      | m s-1   | eastward_wind                   | U ua u_component_of_wind uwnd
v      | m s-1   | northward_wind                  | V va v_component_of_wind vwnd
w      | Pa s-1  | lagrangian_tendency_of_air_pressure | OMEGA omega wap vertical_velocity
q      | kg kg-1 | specific_humidity               | QV hus specific_humidity shum
r      | %       | relative_humidity               | RH hur relative_humidity
z      | m2 s-2  | geopotential                    | geopotential | gravity
gh     | m       | geopotential_height             | H zg geopotential_height hgt HGT | gravity
pl     | Pa      | air_pressure                    | PL pfull
cc     | 1       | cloud_area_fraction_in_atmosphere_layer | CLOUD cl fraction_of_cloud_cover
ciwc   | kg kg-1 | mass_fraction_of_cloud_ice_in_air | QI cli specific_cloud_ice_water_content
clwc   | kg kg-1 | mass_fraction_of_cloud_liquid_water_in_air | QL clw specific_cloud_liquid_water_content
vo     | s-1     | atmosphere_relative_vorticity   | vorticity
2t     | K       | air_temperature                 | T2M t2m tas 2m_temperature | surface
2d     | K       | dew_point_temperature           | d2m 2m_dewpoint_temperature tdps | surface
2sh    | kg kg-1 | specific_humidity               | QV2M huss sh2 2m_specific_humidity | surface
10u    | m s-1   | eastward_wind                   | U10M u10 uas 10m_u_component_of_wind | surface
10v    | m s-1   | northward_wind                  | V10M v10 vas 10m_v_component_of_wind | surface
msl    | Pa      | air_pressure_at_mean_sea_level  | SLP psl mslp mean_sea_level_pressure prmsl | surface
sp     | Pa      | surface_air_pressure            | PS ps surface_pressure | surface
skt    | K       | surface_temperature             | TS ts skin_temperature | surface
sst    | K       | sea_surface_temperature         | tos sea_surface_temperature | surface
tcwv   | kg m-2  | atmosphere_mass_content_of_water_vapor | TQV prw total_column_water_vapour | surface
tclw   | kg m-2  | atmosphere_mass_content_of_cloud_liquid_water | TQL total_column_cloud_liquid_water | surface
tciw   | kg m-2  | atmosphere_mass_content_of_cloud_ice | TQI clivi total_column_cloud_ice_water | surface
tp     | m       | precipitation_amount            | total_precipitation total_precipitation_6hr | surface water
tprate | kg m-2 s-1 | precipitation_flux           | PRECTOT pr precip mean_total_precipitation_rate | surface water
lhf    | W m-2   | surface_upward_latent_heat_flux | EFLUX hfls | surface
shf    | W m-2   | surface_upward_sensible_heat_flux | HFLUX hfss | surface
olr    | W m-2   | toa_outgoing_longwave_flux      | LWTUP rlut | surface
swgnt  | W m-2   | surface_net_downward_shortwave_flux | SWGNT | surface
swtnt  | W m-2   | toa_net_downward_shortwave_flux | SWTNT | surface
lai    | 1       | leaf_area_index                 | LAI leaf_area_index | surface
fsr    | m       | surface_roughness_length_for_momentum_in_air | Z0M z0 | surface
ci     | 1       | sea_ice_area_fraction           | FRACI siconc sea_ice_cover | surface
lsm    | 1       | land_area_fraction              | FRLAND sftlf land_sea_mask | surface
ocean  | 1       | sea_area_fraction               | FROCEAN sftof | surface
zsfc   | m2 s-2  | surface_geopotential            | PHIS geopotential_at_surface z_sfc | surface gravity
orog   | m       | surface_altitude                | orography elevation | surface gravity
tisr   | J m-2   | toa_incoming_shortwave_flux     | toa_incident_solar_radiation | surface
""".strip().splitlines()
)
BY_NAME = {alias: q for q in QUANTITIES for alias in (q.name, *q.aliases)}

SCALES: dict[str, tuple[float, dict[str, int]]] = {  # a symbol in powers of kg, m, s, K
    "Pa": (1.0, {"kg": 1, "m": -1, "s": -2}), "hPa": (1e2, {"kg": 1, "m": -1, "s": -2}),
    "mb": (1e2, {"kg": 1, "m": -1, "s": -2}), "mbar": (1e2, {"kg": 1, "m": -1, "s": -2}),
    "millibar": (1e2, {"kg": 1, "m": -1, "s": -2}), "millibars": (1e2, {"kg": 1, "m": -1, "s": -2}),
    "hectopascal": (1e2, {"kg": 1, "m": -1, "s": -2}), "hectopascals": (1e2, {"kg": 1, "m": -1, "s": -2}),
    "Pascal": (1.0, {"kg": 1, "m": -1, "s": -2}), "Pascals": (1.0, {"kg": 1, "m": -1, "s": -2}),
    "Kelvin": (1.0, {"K": 1}), "deg_K": (1.0, {"K": 1}),
    "kPa": (1e3, {"kg": 1, "m": -1, "s": -2}), "J": (1.0, {"kg": 1, "m": 2, "s": -2}),
    "W": (1.0, {"kg": 1, "m": 2, "s": -3}), "N": (1.0, {"kg": 1, "m": 1, "s": -2}),
    "g": (1e-3, {"kg": 1}), "km": (1e3, {"m": 1}), "cm": (1e-2, {"m": 1}), "mm": (1e-3, {"m": 1}),
    "gpm": (1.0, {"m": 1}), "dam": (10.0, {"m": 1}), "gpdm": (10.0, {"m": 1}),
    "min": (60.0, {"s": 1}), "h": (3600.0, {"s": 1}), "d": (86400.0, {"s": 1}),
    "%": (1e-2, {}), "kt": (1852 / 3600, {"m": 1, "s": -1}), "knot": (1852 / 3600, {"m": 1, "s": -1}),
    "knots": (1852 / 3600, {"m": 1, "s": -1}), "fraction": (1.0, {}), "(0 - 1)": (1.0, {}), "rad": (1.0, {}),
    "radian": (1.0, {}), "radians": (1.0, {}), "degree": (math.pi / 180, {}), "degrees": (math.pi / 180, {}),
    "deg": (math.pi / 180, {}),
}  # fmt: skip
CELSIUS = ("degC", "°C", "celsius", "Celsius", "degrees_C", "degree_C", "deg_C", "C", "degree_Celsius")
FAHRENHEIT = ("degF", "°F", "fahrenheit", "Fahrenheit", "degrees_F", "degree_F", "deg_F", "F", "degree_Fahrenheit")
ZERO = {**dict.fromkeys(CELSIUS, (1.0, 273.15)), **dict.fromkeys(FAHRENHEIT, (5 / 9, 459.67 * 5 / 9))}  # to kelvin


def quantity(name: str, standard_name: str = "", levels: bool = False) -> Quantity | None:
    """The quantity that a variable is, by its name in any archive, else by its standard name; None if it is unknown.

    Of a geopotential and its height, of a mass of water and its depth, the standard name tells which (`z` is both).
    """
    found = BY_NAME.get(name)
    same = [q for q in QUANTITIES if q.standard_name == (standard_name or name)]  # some archives name variables so
    if found is not None:
        return next(
            (q for q in same if found.bridge and q.bridge == found.bridge and q.surface == found.surface), found
        )
    fitting = [q for q in same if q.surface != levels]
    return next(iter(fitting or same), None)


def conversion(found: str, wanted: str, of: Quantity | None = None, name: str = "variable") -> tuple[float, float]:
    """(factor, offset) such that  factor * value + offset  is in the wanted units.

    Beside plain units, Celsius and Fahrenheit, a geopotential and its height, and a mass of water and its depth are
    converted where `of` is such a quantity.

    Raises:
        DataError: the units are of different kinds.
    """
    if found == wanted or (found in ZERO and ZERO.get(found) == ZERO.get(wanted)):
        return 1.0, 0.0
    if found in ZERO:
        (scale, zero), (factor, offset) = ZERO[found], conversion("K", wanted, of, name)
        return factor * scale, factor * zero + offset
    if wanted in ZERO:
        (scale, zero), (factor, offset) = ZERO[wanted], conversion(found, "K", of, name)
        return factor / scale, (offset - zero) / scale
    (scale, powers), (wanted_scale, wanted_powers) = _reduced(found), _reduced(wanted)
    if powers == wanted_powers:
        return scale / wanted_scale, 0.0
    bridges = {"gravity": (GRAVITY, {"m": 1, "s": -2}), "water": (WATER, {"kg": 1, "m": -3})}
    if of is not None and of.bridge:
        constant, unit = bridges[of.bridge]
        for factor, sign in ((constant, 1), (1 / constant, -1)):
            if _times(powers, unit, sign) == wanted_powers:
                return scale * factor / wanted_scale, 0.0
    raise DataError(
        f"{name} is wanted in {wanted!r}, got {found!r}, which is of another kind; choose another variable, or if only "
        f"the label is wrong, correct it with units={{{name!r}: ...}}"
    )


def _reduced(units: str) -> tuple[float, dict[str, int]]:
    scale, powers = 1.0, dict[str, int]()
    for symbol, power in parse_units(units).items():
        factor, parts = SCALES.get(symbol, (1.0, {symbol: 1}))
        scale *= factor**power
        powers = _times(powers, parts, power)
    return scale, powers


def _times(powers: dict[str, int], more: dict[str, int], power: int) -> dict[str, int]:
    made = {key: powers.get(key, 0) + power * more.get(key, 0) for key in powers | more}
    return {key: value for key, value in made.items() if value}
