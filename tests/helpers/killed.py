"""Processes that are killed at a line of their program, as a power cut would end them: nothing cleans up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

_SCRIPT = """
import json, os, re, signal, sys
import pandas, pyarrow.compute, pyarrow.dataset, pyarrow.fs, pyarrow.parquet  # once, not in each child

setup, call, files, whole, cases = json.load(sys.stdin)
exec(setup)

def one(to, kill_at):
    calls = 0
    def counted(frame, event, arg):
        nonlocal calls
        calls += event == "line"
        if calls == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return counted
    def tracer(frame, event, arg):
        code = frame.f_code
        return counted if re.search(files, f"{code.co_filename}:{code.co_name}") else None
    sys.settrace(tracer)
    exec(call, globals(), {"to": to})
    sys.settrace(None)
    return calls

def ended(to, kill_at):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, str(one(to, kill_at)).encode())
        os._exit(0)
    os.close(write)
    _, status = os.waitpid(child, 0)
    with os.fdopen(read) as said:
        return os.waitstatus_to_exitcode(status), said.read()

code, lines = ended(whole, -1)
assert code == 0, code
points = [1 + n * int(lines) // len(cases) for n in range(len(cases))]
for to, kill_at in zip(cases, points):
    assert ended(to, kill_at) == (-signal.SIGKILL, ""), kill_at
print(json.dumps(points))
"""


def killed(call: str, files: str, whole: Path, cases: list[Path], setup: str = "") -> list[int]:
    """Run `call` with each of the cases as its `to`, each time in a process of its own, which is killed at
    another line of what it runs in `files` (a pattern of "file.py:function"), from the first to nearly the last.

    Args:
        whole: one more, with which it is run to its end.

    Returns:
        The numbers of the lines.
    """
    told = json.dumps([setup, call, files, str(whole), list(map(str, cases))])
    run = subprocess.run(
        [sys.executable, "-c", _SCRIPT], input=told, capture_output=True, text=True, timeout=600
    )
    assert run.returncode == 0, run.stderr
    points: list[int] = json.loads(run.stdout)
    return points
