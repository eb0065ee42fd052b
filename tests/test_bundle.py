"""The page's bundles stay small: they travel in the state of every widget."""

import pytest

from sse_widget.showing import _STATIC


# A log is asked for when a stream is selected: no overview carries it.
@pytest.mark.parametrize(("name", "kb"), [("widget.js", 120), ("capture.js", 16), ("log.js", 120)])
def test_a_bundle_is_small(name, kb):
    size = (_STATIC / name).stat().st_size
    assert size < kb * 1024, f"{name} has {size:,} bytes"
