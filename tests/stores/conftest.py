"""Without the servers, which `make stores` installs into an environment of its own, nothing here is collected."""

from __future__ import annotations

import os

collect_ignore_glob = [] if os.environ.get("SSE_WIDGET_STORES") else ["test_*.py"]
