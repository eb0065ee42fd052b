"""RetryPolicy as a pure function."""

from __future__ import annotations

import math

import pytest

from sse_widget import BadContentType, BadStatus, ConnectionFailed, IdleTimeout, RetryPolicy
from sse_widget.client.retry import Retry, Stop


def delays(policy, attempts, *, server=None, chance=0.0):
    return [policy.delay(n, server, lambda: chance) for n in range(1, attempts + 1)]


def test_exponential_up_to_the_maximum():
    assert delays(RetryPolicy(), 8) == [1, 2, 4, 8, 16, 32, 60, 60]


def test_jitter_takes_away_up_to_its_part():
    assert delays(RetryPolicy(), 3, chance=1.0) == [0.5, 1, 2]


def test_server_retry_is_the_base_within_the_clamps():
    assert delays(RetryPolicy(), 3, server=3000) == [3, 6, 12]
    assert delays(RetryPolicy(), 1, server=0) == [0.1]
    assert delays(RetryPolicy(), 1, server=10**19) == [60]


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


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_statuses_worth_another_attempt(status):
    assert isinstance(RetryPolicy().decide(BadStatus("x", status=status), attempt=1), Retry)


@pytest.mark.parametrize("status", [201, 205, 301, 400, 401, 403, 404, 410, 501])
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
    assert RetryPolicy().decide(error, attempt=1) == Stop("connecting again would not help", error)


def test_attempts_limit():
    policy = RetryPolicy(attempts=2)
    assert isinstance(policy.decide(ConnectionFailed("x"), attempt=1), Retry)
    assert isinstance(policy.decide(ConnectionFailed("x"), attempt=2), Stop)


@pytest.mark.parametrize(
    "bad",
    [
        {"initial": -1},
        {"multiplier": 0.5},
        {"jitter": 2},
        {"minimum": 5, "maximum": 1},
        {"attempts": 0},
        {"multiplier": float("inf")},
    ],
)
def test_values_out_of_range(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        RetryPolicy(**bad)


def test_values_of_another_type():
    with pytest.raises(TypeError, match="initial"):
        RetryPolicy(initial="1")
    with pytest.raises(TypeError, match="maximum"):
        RetryPolicy(maximum=math.nan)
