"""How long a worker's answer is waited for: a slow machine is no dead one."""

from __future__ import annotations

from sse_widget.cluster.workers import DEAD_AFTER_S, AnswerTimeout


def test_where_answers_come_at_once_a_silence_is_noticed_at_once():
    timeout = AnswerTimeout()
    for _ in range(10):
        timeout.answered(0.01)
    assert DEAD_AFTER_S <= timeout.seconds < DEAD_AFTER_S + 0.1


def test_where_answers_are_slow_more_is_waited_for_and_less_again_later():
    timeout = AnswerTimeout()
    timeout.answered(2.0)
    slow = timeout.seconds
    assert slow > 4 * DEAD_AFTER_S / 2 + 2.0
    for _ in range(60):
        timeout.answered(0.01)
    assert timeout.seconds < DEAD_AFTER_S + 0.2


def test_one_that_was_missed_may_take_longer_and_there_is_an_end_to_it():
    """Else an answer that always takes a little longer than that would never come in time."""
    timeout, before = AnswerTimeout(), 0.0
    for _ in range(3):
        assert timeout.seconds > before
        before = timeout.seconds
        timeout.missed()
    for _ in range(20):
        timeout.missed()
    assert timeout.seconds == 20.0
