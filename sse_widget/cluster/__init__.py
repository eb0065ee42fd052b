"""The engine of a capture whose streams run on the workers of a Dask cluster. Optional: Dask is imported when a
cluster is asked for.

It must never know of widgets.
"""

from .cluster_engine import ClusterEngine
from .dask_backend import check, dask_dataframe

__all__ = ["ClusterEngine", "check", "dask_dataframe"]
