"""RetryPolicy as a pure function."""

from __future__ import annotations

import asyncio
import math
import random

import numpy as np
import pytest

from sse_widget import (
    BadContentType,
    BadStatus,
    ConnectionFailed,
    EventSource,
    IdleTimeout,
    Reason,
    RetryPolicy,
    SSECapture,
)
from sse_widget.client.retry import Retry, Stop

from ..helpers.scripted import Server


def delays(policy, attempts, *, server=None, chance=0.0):
    return [policy.delay(n, server, lambda: chance) for n in range(1, attempts + 1)]


def test_exponential_up_to_the_maximum():
    assert delays(RetryPolicy(), 8) == [1, 2, 4, 8, 16, 32, 60, 60]


def test_jitter_takes_away_up_to_its_part():
    assert delays(RetryPolicy(), 3, chance=1.0) == [0.5, 1, 2]


def test_what_the_server_asks_for_is_the_least_that_is_waited():
    policy = RetryPolicy()
    assert delays(policy, 3, server=3000) == [3, 6, 12]
    assert delays(policy, 1, server=0) == [0.1]
    for chance in (0.0, 0.5, 1.0):
        waits = delays(policy, 12, server=3000, chance=chance)
        assert min(waits) >= 3
        assert max(waits) <= 60, "our own growth ends at the maximum"
        assert delays(policy, 1, server=3000, chance=chance) == [3 * (1 + chance / 2)]


def test_the_maximum_bounds_our_own_growth_and_not_what_the_server_asks_for():
    assert delays(RetryPolicy(), 2, server=300_000) == [300, 300]
    assert delays(RetryPolicy(), 1, server=300_000, chance=1.0) == [450]
    assert delays(RetryPolicy(maximum=0, minimum=0, initial=0), 1, server=3000) == [3]


def test_an_hour_is_the_longest_wait():
    for chance in (0.0, 1.0):
        assert delays(RetryPolicy(), 3, server=10**19, chance=chance) == [3600] * 3
    assert delays(RetryPolicy(maximum=math.inf, jitter=0), 100)[-1] == 3600
    assert delays(RetryPolicy.whatwg(), 1, server=10**9) == [3600]


@pytest.mark.parametrize(
    ("error", "attempt", "server", "says"),
    [
        (None, 1, 3000, ""),
        (ConnectionFailed("x"), 3, None, ""),
        (BadStatus("x", status=503, retry_after=300), 1, None, "asks to wait 5 min (Retry-After)."),
        (
            BadStatus("x", status=503, retry_after=7200),
            1,
            None,
            "asks to wait 2 h (Retry-After), of which an hour is waited.",
        ),
        (None, 1, 30_000, "asks for 30 s before each attempt (retry:)"),
        (None, 1, 10**10, "asks for 116 days before each attempt (retry:), of which an hour"),
        (ConnectionFailed("x"), 7, None, "7 attempts failed in a row, and the wait grows"),
    ],
)
def test_a_long_wait_says_why(error, attempt, server, says):
    decision = RetryPolicy(jitter=0).decide(error, attempt=attempt, reconnection_time=server)
    assert isinstance(decision, Retry)
    assert says in decision.why
    assert bool(says) == bool(decision.why)


@pytest.mark.parametrize("multiplier", [1.0, 2.0, 1e5, 1e300])
def test_attempts_without_end_do_not_overflow(multiplier):
    policy = RetryPolicy(multiplier=multiplier, jitter=0)
    assert delays(policy, 3, server=0) == [0.1, 0.1, 0.1]
    assert policy.delay(10**6) == (1 if multiplier == 1 else 60)
    assert policy.delay(10**6, 0) == 0.1


def test_whatwg_is_flat():
    policy = RetryPolicy.whatwg()
    assert delays(policy, 4) == [3, 3, 3, 3]
    assert delays(policy, 2, server=10, chance=1.0) == [0.01, 0.01]
    assert isinstance(policy.decide(BadStatus("x", status=503), attempt=1), Stop)
    assert isinstance(policy.decide(ConnectionFailed("x"), attempt=99), Retry)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 507, 520, 522, 529, 599])
def test_statuses_worth_another_attempt(status):
    assert isinstance(RetryPolicy().decide(BadStatus("x", status=status), attempt=1), Retry)


@pytest.mark.parametrize("status", [201, 205, 301, 400, 401, 403, 404, 410, 501, 505, 511])
def test_other_statuses_are_final(status):
    decision = RetryPolicy().decide(BadStatus("x", status=status), attempt=1)
    assert isinstance(decision, Stop)
    assert decision.error is not None


def test_204_ends_without_an_error():
    decision = RetryPolicy().decide(BadStatus("x", status=204), attempt=1)
    assert isinstance(decision, Stop)
    assert decision.error is None


def test_retry_after_wins_over_the_maximum_up_to_an_hour():
    def after(seconds):
        error = BadStatus("x", status=503, retry_after=seconds)
        return RetryPolicy().decide(error, attempt=1).after

    assert after(300) == 300
    assert after(10**6) == 3600


def test_clean_end_and_broken_connections_are_retried():
    for error in (None, ConnectionFailed("x"), IdleTimeout("x")):
        assert isinstance(RetryPolicy().decide(error, attempt=1), Retry)


def test_wrong_content_type_is_final():
    error = BadContentType("x")
    assert RetryPolicy().decide(error, attempt=1) == Stop(Reason.FAILED, error)


def test_attempts_limit():
    policy = RetryPolicy(attempts=2)
    assert isinstance(policy.decide(ConnectionFailed("x"), attempt=1), Retry)
    error = ConnectionFailed("x")
    assert policy.decide(error, attempt=2) == Stop(Reason.GAVE_UP, error)


@pytest.mark.parametrize(
    "bad",
    [
        {"initial": -1},
        {"multiplier": 0.5},
        {"jitter": 2},
        {"minimum": 5, "maximum": 1},
        {"attempts": 0},
        {"initial": 7200, "maximum": 7200},
        {"statuses": {42}},
        {"multiplier": float("inf")},
    ],
)
def test_values_out_of_range(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        RetryPolicy(**bad)


def test_values_of_another_type():
    with pytest.raises(TypeError, match="initial"):
        RetryPolicy(initial="1")
    with pytest.raises(TypeError, match=r"^multiplier must be a number, not str$"):
        RetryPolicy(multiplier="2")
    for wrong in (503, {"503"}, [5.5]):
        with pytest.raises(TypeError, match="statuses must be HTTP statuses"):
            RetryPolicy(statuses=wrong)
    for wrong in ("3", 1.5, True):
        with pytest.raises(TypeError, match="attempts must be a whole number or None"):
            RetryPolicy(attempts=wrong)
    with pytest.raises(TypeError, match="maximum"):
        RetryPolicy(maximum=math.nan)


def test_its_repr_says_what_differs_from_the_default():
    assert repr(RetryPolicy()) == "RetryPolicy()"
    policy = RetryPolicy(attempts=np.int64(3), statuses=(503, 429))
    assert repr(policy) == "RetryPolicy(statuses=(429, 503), attempts=3)"
    assert eval(repr(policy)) == policy


def ends(peer):
    peer.stream("data: a\n\n")


def test_the_users_own_random_numbers_are_left_alone(tmp_path):
    """What was seeded gives the same numbers again, whatever reconnects meanwhile."""
    with Server(ends, ends, ends) as server:
        random.seed(1)
        before = random.getstate()
        retry = RetryPolicy(initial=0.01, jitter=1.0)
        with EventSource(server.url, retry=retry) as source:
            assert [next(source).data for _ in range(3)] == ["a"] * 3
        # So many that their beginnings are spread.
        urls = {str(n): server.url for n in range(20)}
        with SSECapture(urls, to=tmp_path / "capture", retry=retry) as capture:
            asyncio.run(capture.until(lambda stats: stats.received >= len(urls)))
        assert random.getstate() == before
