"""What survives a full collection in a worker of ours is not visited again, and cycles are freed all the same."""

from __future__ import annotations

import gc
import weakref

import pytest

from sse_widget.cluster.gc_freeze import LongLived


class Node:
    """Refers to itself."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def thawed():
    yield
    gc.unfreeze()


def test_what_survived_is_left_alone_until_the_last_user_ends():
    long_lived = LongLived()
    with long_lived.kept():
        with long_lived.kept():
            gc.collect()
            assert gc.get_freeze_count() > 0
        assert gc.get_freeze_count() > 0
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert gc.get_freeze_count() == 0


def test_a_cycle_that_was_frozen_is_freed_at_the_next_collection_of_everything():
    with LongLived(whole_s=0.0).kept():
        node = Node()
        gc.freeze()  # as after an earlier collection
        freed = weakref.ref(node)
        del node
        gc.collect()  # its end thaws all
        gc.collect()
        assert freed() is None
