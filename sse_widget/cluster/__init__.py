"""The same on the workers of a Dask cluster. Optional: Dask is imported when it is asked for.

It must never know of widgets.
"""

from .scheduler import ClusterEngine

__all__ = ["ClusterEngine"]
