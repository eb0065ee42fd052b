"""How old captured events are: no clock that is set, ahead or back, makes what came a moment ago old."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sse_widget.storage import boot_clock, retention
from sse_widget.storage import writer as writing
from sse_widget.storage.boot_clock import Reading
from sse_widget.storage.compaction import compact
from sse_widget.storage.dataset import Dataset
from sse_widget.storage.writer import Writer

from .test_dataset import batch, numbers

HOUR = timedelta(hours=1)
BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Machine:
    """Wall clock and steady clock, as the package reads them."""

    def __init__(self, monkeypatch) -> None:
        self.passed = timedelta(0)
        self.ahead = timedelta(0)
        self.start = "first"

        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return BEGAN + self.passed + self.ahead

        monkeypatch.setattr(writing, "datetime", Clock)
        monkeypatch.setattr(retention, "datetime", Clock)
        monkeypatch.setattr(
            boot_clock, "read", lambda: Reading(self.start, self.passed.total_seconds())
        )

    def wait(self, **how) -> None:
        self.passed += timedelta(**how)


@pytest.fixture
def machine(monkeypatch):
    monkeypatch.setattr(writing, "FOLDER_PARTS", 1)
    return Machine(monkeypatch)


@pytest.fixture
def to(tmp_path):
    return tmp_path / "trades"


def process(to, *events):
    """A writer that opens the capture; each event is a folder."""
    writer = Writer(Dataset(to))
    for n in events:
        writer.add("s", batch(n))
        writer.commit()
    return writer


def removed(writer, keep=HOUR):
    compact(writer.dataset, keep=keep, writer=writer.id)
    return numbers(writer.dataset.read())


def test_what_is_too_old_goes(to, machine):
    writer = process(to, 0)
    machine.wait(minutes=40)
    writer.add("s", batch(1))
    writer.commit()
    machine.wait(minutes=30)
    writer.add("s", batch(2))
    writer.commit()
    assert removed(writer) == [1, 2]
    machine.wait(minutes=31)
    writer.add("s", batch(3))
    writer.commit()
    assert removed(writer) == [2, 3]


@pytest.mark.parametrize("ahead", [timedelta(days=2), timedelta(days=-2), timedelta(days=4000)])
def test_a_clock_that_is_set_while_it_is_written_removes_nothing_new(to, machine, ahead):
    writer = process(to, 0, 1)
    machine.wait(seconds=5)
    machine.ahead = ahead
    writer.add("s", batch(2))
    writer.commit()
    machine.wait(seconds=5)
    writer.add("s", batch(3))
    writer.commit()
    assert removed(writer) == [0, 1, 2, 3]
    machine.wait(hours=2)
    writer.add("s", batch(4))
    writer.commit()
    assert removed(writer)[-1] == 4
    assert 0 not in removed(writer) or ahead < timedelta(0)


def test_a_clock_that_is_ahead_when_a_process_begins(to, machine):
    process(to, 0, 1)
    machine.wait(seconds=5)
    machine.ahead = timedelta(days=2)
    assert removed(process(to, 2)) == [0, 1, 2]
    machine.wait(seconds=5)
    assert removed(process(to, 3)) == [0, 1, 2, 3]  # and in the next one


def test_a_clock_that_is_ahead_when_the_machine_begins(to, machine):
    process(to, 0, 1)
    machine.wait(seconds=5)
    machine.start, machine.ahead = "second", timedelta(days=2)
    writer = process(to, 2)
    assert removed(writer) == [0, 1, 2]
    machine.wait(minutes=61)
    writer.add("s", batch(3))
    writer.commit()
    # Whatever the time between the two starts was, they are older than an hour now.
    assert removed(writer) == [3]


def test_after_a_pause_what_is_old_goes_once_that_is_certain(to, machine):
    process(to, 0, 1)
    machine.start = "second"
    machine.wait(days=2)
    writer = process(to, 2)
    assert removed(writer) == [0, 1, 2]
    machine.wait(minutes=61)
    writer.add("s", batch(3))
    writer.commit()
    assert removed(writer) == [3]


def test_a_pause_of_a_machine_that_ran_on_is_known(to, machine):
    process(to, 0, 1)
    machine.wait(hours=3)
    writer = process(to, 2)
    # Another process of the same start: its clock tells.
    compact(writer.dataset, keep=HOUR)
    assert numbers(writer.dataset.read()) == [2]


def test_files_that_tell_no_such_clock_are_as_old_as_they_say(to, machine, monkeypatch):
    real = writing.Footer
    monkeypatch.setattr(writing, "Footer", lambda *a: replace(real(*a), clock=None))
    process(to, 0)
    machine.wait(hours=3)
    process(to, 1)
    compact(Dataset(to), keep=HOUR)
    assert numbers(Dataset(to).read()) == [1]


def test_the_clock_counts_on(monkeypatch):
    first = boot_clock.read()
    assert boot_clock.read().since(first) >= 0
    assert first.since(None) is None
    assert first.since(Reading("another start", 0.0)) is None
    assert Reading("a", 1.0).since(Reading("a", 2.0)) == 0.0


def test_where_the_system_does_not_say_which_start_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(boot_clock, "BOOT_ID", tmp_path / "none")
    one, two = boot_clock.system_start(), boot_clock.system_start()
    assert one[0] != two[0]
    assert one[1] is two[1] is None
