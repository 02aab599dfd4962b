"""The variables of MERRA-2 as Prithvi WxC takes them: 20 at the surface, 10 on 14 model levels each, static fields."""

from __future__ import annotations

from .channels import Channel

SURFACE = {
    "EFLUX": ("W m-2", "surface_upward_latent_heat_flux", "latent energy flux"),
    "GWETROOT": ("1", "", "root-zone soil wetness"),
    "HFLUX": ("W m-2", "surface_upward_sensible_heat_flux", "sensible heat flux"),
    "LAI": ("1", "leaf_area_index", "leaf area index"),
    "LWGAB": ("W m-2", "", "longwave radiation absorbed at the surface"),
    "LWGEM": ("W m-2", "", "longwave radiation emitted by the surface"),
    "LWTUP": ("W m-2", "toa_outgoing_longwave_flux", "upwelling longwave radiation at the top of the atmosphere"),
    "PS": ("Pa", "surface_air_pressure", "surface pressure"),
    "QV2M": ("kg kg-1", "specific_humidity", "specific humidity at 2 m"),
    "SLP": ("Pa", "air_pressure_at_mean_sea_level", "sea-level pressure"),
    "SWGNT": ("W m-2", "surface_net_downward_shortwave_flux", "net downward shortwave radiation at the surface"),
    "SWTNT": ("W m-2", "toa_net_downward_shortwave_flux", "net downward shortwave radiation at the top"),
    "T2M": ("K", "air_temperature", "air temperature at 2 m"),
    "TQI": ("kg m-2", "atmosphere_mass_content_of_cloud_ice", "ice water path"),
    "TQL": ("kg m-2", "atmosphere_mass_content_of_cloud_liquid_water", "liquid water path"),
    "TQV": ("kg m-2", "atmosphere_mass_content_of_water_vapor", "precipitable water vapour"),
    "TS": ("K", "surface_temperature", "skin temperature"),
    "U10M": ("m s-1", "eastward_wind", "eastward wind at 10 m"),
    "V10M": ("m s-1", "northward_wind", "northward wind at 10 m"),
    "Z0M": ("m", "surface_roughness_length_for_momentum_in_air", "roughness length for momentum"),
}
VERTICAL = {
    "CLOUD": ("1", "cloud_area_fraction_in_atmosphere_layer", "cloud fraction"),
    "H": ("m", "geopotential_height", "height of the middle of the layer"),
    "OMEGA": ("Pa s-1", "lagrangian_tendency_of_air_pressure", "vertical pressure velocity"),
    "PL": ("Pa", "air_pressure", "pressure in the middle of the layer"),
    "QI": ("kg kg-1", "mass_fraction_of_cloud_ice_in_air", "cloud ice"),
    "QL": ("kg kg-1", "mass_fraction_of_cloud_liquid_water_in_air", "cloud liquid water"),
    "QV": ("kg kg-1", "specific_humidity", "specific humidity"),
    "T": ("K", "air_temperature", "air temperature"),
    "U": ("m s-1", "eastward_wind", "eastward wind"),
    "V": ("m s-1", "northward_wind", "northward wind"),
}
LEVELS = (34.0, 39.0, 41.0, 43.0, 44.0, 45.0, 48.0, 51.0, 53.0, 56.0, 63.0, 68.0, 71.0, 72.0)  # the top comes first
NOMINAL_PRESSURE = dict(zip(LEVELS, (48, 109, 150, 208, 245, 288, 412, 525, 600, 700, 850, 925, 970, 985), strict=True))
STATIC_SURFACE = {
    "FRACI": ("1", "sea_ice_area_fraction", "sea-ice fraction"),
    "FRLAND": ("1", "land_area_fraction", "fraction of land"),
    "FROCEAN": ("1", "sea_area_fraction", "fraction of ocean"),
    "PHIS": ("m2 s-2", "surface_geopotential", "surface geopotential"),
}
PLACES = {"fourier": ("latitude", "longitude"), "absolute": ("sin_latitude", "cos_longitude", "sin_longitude")}
CALENDAR = ("cos_day_of_year", "sin_day_of_year", "cos_hour_of_day", "sin_hour_of_day")


def channels(
    surface: tuple[str, ...] = tuple(SURFACE),
    vertical: tuple[str, ...] = tuple(VERTICAL),
    levels: tuple[float, ...] = LEVELS,
) -> tuple[Channel, ...]:
    """Surface variables, then every vertical variable with its levels from the top down: 160 channels by default."""
    flat = [_channel(name, SURFACE) for name in surface]
    return (*flat, *(_channel(name, VERTICAL, level) for name in vertical for level in levels))


def static_channels(position: str, surface: tuple[str, ...] = tuple(STATIC_SURFACE)) -> tuple[Channel, ...]:
    """Coordinates, calendar and surface fields in the order of the released loader."""
    units = "radian" if position == "fourier" else "1"
    places = tuple(Channel(variable=name, units=units) for name in PLACES[position])
    return (*places, *(Channel(variable=name) for name in CALENDAR), *(_channel(n, STATIC_SURFACE) for n in surface))


def _channel(name: str, table: dict[str, tuple[str, str, str]], level: float | None = None) -> Channel:
    units, standard_name, long_name = table.get(name, ("1", "", name))
    return Channel(
        variable=name,
        units=units,
        level=level,
        level_kind="" if level is None else "model",
        standard_name=standard_name,
        long_name=long_name,
    )
