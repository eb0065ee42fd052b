"""Observers hear each state in its order, and once."""

from __future__ import annotations

import threading

from sse_widget.runtime import ObserverThread


def test_a_value_that_comes_in_steps_is_never_told_before_them():
    """The owner is in its next state already before it says so."""
    now = ["connecting"]
    told: list[str] = []
    heard = {name: threading.Event() for name in ("waiting", "open")}

    def tell(name, old, new):
        told.append(new)
        if new == "waiting":
            now[0] = "open"  # its step, and the one before it, come later
        if new in heard:
            heard[new].set()

    observers = ObserverThread({"status": lambda: now[0]}, tell, stepped=("status",))
    observers.start()
    observers.changed(("status", "waiting"))
    assert heard["waiting"].wait(30)
    observers.changed()
    observers.changed(("status", "connecting"))
    observers.changed(("status", "open"))
    assert heard["open"].wait(30)
    observers.close()
    assert told == ["waiting", "connecting", "open"]


def test_a_step_that_comes_while_the_first_observer_is_registered_is_told_once():
    now = ["connecting"]
    told: list[str] = []
    over = threading.Event()
    reads = 0

    def read():
        # Between the first look and the second the owner goes on, and says so.
        nonlocal reads
        reads += 1
        if reads == 2:
            now[0] = "open"
            observers.changed(("status", "open"))
        return now[0]

    def tell(name, old, new):
        told.append(new)
        if new == "closed":
            over.set()

    observers = ObserverThread({"status": read}, tell, stepped=("status",))
    observers.start()
    observers.changed(("status", "closed"))
    assert over.wait(30)
    observers.close()
    assert told[-1] == "closed"
    assert told in (["closed"], ["open", "closed"])
