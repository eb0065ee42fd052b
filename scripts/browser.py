"""Make sure there is a Chromium for the tests: the system's, else Debian's, else Playwright's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.helpers.browser import executable


def main() -> int:
    if executable():
        return 0
    apt = shutil.which("apt-get")
    if apt and os.geteuid() == 0:
        print("Installing Chromium for the tests ...", flush=True)
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run([apt, "-qq", "update"], check=False, env=env)
        done = subprocess.run(
            [apt, "-qq", "install", "-y", "--no-install-recommends", "chromium"],
            check=False,
            env=env,
            stdout=subprocess.DEVNULL,
        )
        if done.returncode == 0 and executable():
            return 0
    print("Trying Playwright's own Chromium ...", flush=True)
    done = subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    if done.returncode:
        print("No Chromium: install it (apt install chromium) and try again.", file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
