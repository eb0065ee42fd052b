"""How often Python looks for garbage while many streams run, and that it is as before afterwards."""

from __future__ import annotations

import gc

import pytest

from sse_widget import SSECapture

from ..helpers.many import until


@pytest.fixture
def usual():
    before = gc.get_threshold()
    gc.set_threshold(700)
    yield 700
    gc.set_threshold(*before)


def test_it_is_rarer_while_many_streams_run(tmp_path, origin, usual):
    others = gc.get_threshold()[1:]
    few = SSECapture({"a": f"{origin}/count/1/a"}, to=tmp_path / "few")
    until(lambda: few.stats.open == 1)
    assert gc.get_threshold()[0] == usual
    many = SSECapture(urls(origin, 200), to=tmp_path / "many")
    until(lambda: many.stats.open == 200)
    assert gc.get_threshold()[0] > 2 * usual
    assert gc.get_threshold()[1:] == others
    many.close()
    assert gc.get_threshold()[0] == usual
    few.close()


@pytest.mark.parametrize("theirs", [0, 1_000, 5_000])
def test_what_somebody_else_sets_is_kept(tmp_path, origin, usual, theirs):
    many = SSECapture(urls(origin, 200), to=tmp_path / "many")
    until(lambda: many.stats.open == 200)
    gc.set_threshold(theirs)
    many.set_streams(urls(origin, 150))
    until(lambda: many.stats.streams == 150)
    assert gc.get_threshold()[0] == theirs
    many.close()
    assert gc.get_threshold()[0] == theirs


def test_who_switches_collections_off_for_a_moment_gets_back_what_was_usual(
    tmp_path, origin, usual
):
    many = SSECapture(urls(origin, 200), to=tmp_path / "many")
    until(lambda: many.stats.open == 200)
    raised = gc.get_threshold()[0]
    gc.set_threshold(0)
    many.set_streams(urls(origin, 150))
    until(lambda: many.stats.streams == 150)
    gc.set_threshold(raised)
    many.close()
    assert gc.get_threshold()[0] == usual


def urls(origin, n):
    return {f"s{i}": f"{origin}/count/1/s{i}" for i in range(n)}
