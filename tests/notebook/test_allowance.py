"""How much may be on the way to a page, over links of any speed; time is a number here."""

from __future__ import annotations

import pytest

from sse_widget.notebook.allowance import BATCH_BYTES, BATCHES, Allowance

TICK = 0.04


class Link:
    """A link of so many bytes a second, and a page that answers as ours does.

    It sends whatever it may, every 40 ms, much as a channel does of a stream that is faster than the link.
    """

    def __init__(self, rate: float, *, trip: float = 0.02) -> None:
        self.now = 0.0
        self.allowance = Allowance(lambda: self.now)
        self._rate, self._trip = rate, trip
        self._free_at = 0.0  # when all that was put into the link will have come through it
        self._coming: list[tuple[float, int]] = []  # when each batch will be painted, and its size
        self._answers: list[
            tuple[float, int]
        ] = []  # when an answer will be heard, and to which batch
        self._sent = self._painted = self._since_answer = 0
        self._first_unanswered = 1
        self.deaf = False  # the kernel hears no answer
        self.taken = self.delivered = 0  # bytes

    @property
    def queue(self) -> float:
        """Seconds that a message would wait which is put into the link now."""
        return max(self._free_at - self.now, 0.0)

    def run(self, seconds: float) -> list[float]:
        """The queue at each tick."""
        queues = []
        end = self.now + seconds
        while self.now < end:
            self.now += TICK
            self._paint()
            self._hear()
            if self.allowance.is_free or self.allowance.pause <= 0:
                self._send(self.allowance.batch_bytes)
            queues.append(self.queue)
        return queues

    def _send(self, size: int) -> None:
        self._sent += 1
        self.taken += size
        self.allowance.sent(size)
        self._free_at = max(self._free_at, self.now) + size / self._rate
        self._coming.append((self._free_at, size))

    def _paint(self) -> None:
        while self._coming and self._coming[0][0] <= self.now:
            _, size = self._coming.pop(0)
            self._painted += 1
            self.delivered += size
            self._since_answer += size
            much = min(BATCH_BYTES, self.allowance.bytes / 2)
            if (
                self._since_answer >= much
                or self._painted - self._first_unanswered >= BATCHES / 2 - 1
            ):
                self._answers.append((self.now + self._trip, self._painted))
                self._since_answer, self._first_unanswered = 0, self._painted + 1

    def _hear(self) -> None:
        while self._answers and self._answers[0][0] <= self.now and not self.deaf:
            _, n = self._answers.pop(0)
            self.allowance.answered(self._sent - n)


@pytest.mark.parametrize("kib", [64, 256, 1024, 4 * 1024])
def test_a_slow_link_is_used_and_never_filled(kib):
    link = Link(kib * 1024)
    link.run(60)  # the first second of a stream knows nothing yet
    before = link.delivered
    queues = link.run(60)
    assert max(queues) < 1.5
    assert link.delivered - before > 0.5 * 60 * kib * 1024


def test_the_first_moments_of_a_slow_link_are_bearable():
    assert max(Link(2**20).run(10)) < 2.5


def test_a_quick_link_gets_whole_batches():
    link = Link(2**30)
    link.run(10)
    assert link.allowance.bytes == 2 * BATCH_BYTES


def test_a_far_page_is_no_slow_one():
    """Long trips alone leave room for what the link can carry."""
    link = Link(2**30, trip=0.3)
    link.run(10)
    assert link.allowance.bytes == 2 * BATCH_BYTES


def test_where_nobody_answers_little_goes():
    link = Link(1024)
    link.run(5)
    before = link.taken
    link.run(60)
    assert 0 < link.taken - before < 60 * 256 * 1024


def test_answers_that_a_busy_kernel_hears_late_are_forgotten():
    link = Link(2**30)
    link.run(5)
    link.deaf = True
    link.run(60)
    link.deaf = False
    link.run(5)
    assert link.allowance.bytes == 2 * BATCH_BYTES


def test_what_was_long_on_the_way_counts_no_more_once_all_is_answered():
    """Of more batches than may be on the way at once the oldest ones are forgotten, with their bytes."""
    now = [0.0]
    allowance = Allowance(lambda: now[0])
    for _ in range(3):
        for _ in range(3 * BATCHES):
            allowance.sent(BATCH_BYTES)
            now[0] += 10.0
        assert not allowance.is_free
        allowance.answered(0)
        assert allowance.is_free
    allowance.sent(allowance.bytes - 1)
    assert allowance.is_free
    allowance.sent(1)
    assert not allowance.is_free
