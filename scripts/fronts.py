"""What other hosts run in their pages, fetched once for the tests into tests/hosts/front.

The widget manager of VS Code's Jupyter extension is taken as it was published, one file, without the
packages it was built from. `make fronts` runs this; it does nothing where all is there.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

FRONT = Path(__file__).resolve().parent.parent / "tests" / "hosts" / "front"
BUILT = FRONT / "built"
MANAGER = "@vscode/jupyter-ipywidgets8@1.0.9"
SHA512 = "bocCThfa4JDIDd7qCFAfW3HpzHfTLYxOTpTbiDfw4DXOUjKHnr6ObkMBiIkuzYPRybh5bY4FhYLemuDuTvIbpQ=="


def run(*command: str, cwd: Path = FRONT) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def fetch_manager() -> None:
    """The manager's one file, checked against what it was when these tests were written."""
    with tempfile.TemporaryDirectory() as folder:
        run("npm", "pack", "--silent", MANAGER, cwd=Path(folder))
        (archive,) = Path(folder).glob("*.tgz")
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if digest != SHA512:
            sys.exit(f"{MANAGER} is not what it was: sha512 {digest}")
        with tarfile.open(archive) as packed:
            script = packed.extractfile("package/dist/ipywidgets.js")
            assert script is not None
            (BUILT / "ipywidgets.js").write_bytes(script.read())


def main() -> None:
    with (FRONT / "package.json").open() as only_one:
        fcntl.flock(only_one, fcntl.LOCK_EX)
        fetch()


def fetch() -> None:
    lock = FRONT / "package-lock.json"
    installed = FRONT / "node_modules" / ".installed"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        run("npm", "ci", "--silent", "--no-progress")
        installed.touch()
    BUILT.mkdir(exist_ok=True)
    if not (BUILT / "ipywidgets.js").exists():
        fetch_manager()
    bundle = BUILT / "front.js"
    if not bundle.exists() or bundle.stat().st_mtime < (FRONT / "front.js").stat().st_mtime:
        run(
            *("npx", "esbuild", "front.js", "--bundle", "--format=esm", "--log-level=warning"),
            *("--external:/ipywidgets.js", f"--outfile={bundle}"),
        )


if __name__ == "__main__":
    main()
