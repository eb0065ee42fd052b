"""How often Python looks for garbage while many streams run, and that it is as before afterwards."""

from __future__ import annotations

import gc

import pytest

from sse_widget import SSECapture

from ..helpers.many import until


@pytest.fixture
def usual():
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield 700
    gc.set_threshold(*before)


def test_it_is_rarer_while_many_streams_run(tmp_path, origin, usual):
    few = SSECapture({"a": f"{origin}/count/1/a"}, to=tmp_path / "few")
    until(lambda: few.stats.open == 1)
    assert gc.get_threshold()[0] == usual
    many = SSECapture(urls(origin, 200), to=tmp_path / "many")
    until(lambda: many.stats.open == 200)
    assert gc.get_threshold()[0] > 2 * usual
    assert gc.get_threshold()[1:] == (10, 10)
    many.close()
    assert gc.get_threshold()[0] == usual
    few.close()


@pytest.mark.parametrize("theirs", [0, 5_000])
def test_what_somebody_else_sets_is_kept(tmp_path, origin, usual, theirs):
    many = SSECapture(urls(origin, 200), to=tmp_path / "many")
    until(lambda: many.stats.open == 200)
    gc.set_threshold(theirs, 10, 10)
    many.set_streams(urls(origin, 150))
    until(lambda: many.stats.streams == 150)
    assert gc.get_threshold()[0] == theirs
    many.close()
    assert gc.get_threshold()[0] == theirs


def urls(origin, n):
    return {f"s{i}": f"{origin}/count/1/s{i}" for i in range(n)}
