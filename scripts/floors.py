"""The lowest versions that pyproject.toml declares, as constraints for pip: `name==version`, a line each.

An environment made with them is the oldest one we say we run in; `make floors` runs the quick tests
there. Only what `dependencies` names, and the kernel: the tools of the tests are as new as they come.
"""

import re
import sys
import tomllib
from pathlib import Path

# name, whatever else is asked of it, and what it is asked for only somewhere.
DEPENDENCY = re.compile(r"(?P<name>[\w.-]+)\s*>=\s*(?P<floor>[\w.]+)[^;]*(?P<only>;.*)?")
# Nothing we depend on, but what runs us in a notebook: the oldest one that a hosted service ships.
KERNEL = "ipykernel==6.17.1"


def floors(pyproject: Path) -> list[str]:
    """Constraints, in the order of the file.

    Raises:
        ValueError: a dependency without a floor.
    """
    found = []
    for dependency in tomllib.loads(pyproject.read_text())["project"]["dependencies"]:
        match = DEPENDENCY.fullmatch(dependency)
        if match is None:
            raise ValueError(f"{dependency!r} declares no floor")
        found.append(f"{match['name']}=={match['floor']}{match['only'] or ''}")
    return [*found, KERNEL]


if __name__ == "__main__":
    sys.stdout.write("\n".join(floors(Path(__file__).parent.parent / "pyproject.toml")) + "\n")
