"""A stream that nobody names is closed wherever the collector finds it, and holds up nothing."""

import gc
import subprocess
import sys
import threading

from sse_widget import runtime

DROPPED = """
import asyncio, gc
from sse_widget import RetryPolicy, SSEStream

def drop():
    SSEStream("http://127.0.0.1:9/", retry=RetryPolicy(attempts=1)).close()

real = asyncio.run_coroutine_threadsafe
def collecting(*args):
    gc.collect()  # as it may at any allocation
    return real(*args)

gc.disable()
drop()
asyncio.run_coroutine_threadsafe = collecting
for _ in range(5):
    drop()
print("through")
"""


def test_streams_are_collected_while_others_begin():
    """A destructor runs between any two lines, also where a lock is held: it must not want one."""
    done = subprocess.run(
        [sys.executable, "-c", DROPPED], capture_output=True, text=True, timeout=600, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("through\n", "", 0)


def test_what_a_destructor_leaves_is_done_on_the_loop():
    done = threading.Event()
    where = []

    class Dying:
        def __del__(self):
            runtime.finalize(lambda: (where.append(runtime.is_loop_thread()), done.set()))

    runtime.call(lambda: None)  # the loop runs
    dying = [Dying()]
    dying.append(dying)  # a cycle: only the collector finds it
    del dying
    gc.collect()
    assert done.wait(30)
    assert where == [True]


def test_one_that_fails_keeps_nobody_else_from_ending():
    done = threading.Event()
    runtime.call(lambda: None)
    runtime.finalize(lambda: 1 / 0)
    runtime.finalize(done.set)
    assert done.wait(30)
