"""The same on the workers of a Dask cluster. Optional: Dask is imported when it is asked for.

It must never know of widgets.
"""

from .dask_backend import check, dask_dataframe
from .scheduler import ClusterEngine

__all__ = ["ClusterEngine", "check", "dask_dataframe"]
