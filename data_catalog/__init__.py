"""What data there is: a catalog, lazy stores, fast samples, splits, statistics, units (no torch).

The names are listed in `__init__.pyi`. Each is loaded when it is first used: reading samples of a Zarr store imports
neither xarray nor dask.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
