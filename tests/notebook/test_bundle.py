"""The page's bundles stay small: they travel in the state of every widget."""

import gzip

import pytest

from sse_widget.notebook.assets import STATIC


# A log is asked for when a stream is selected: no overview carries it.
@pytest.mark.parametrize(
    ("name", "kb", "zipped_kb"),
    [("widget.js", 140, 52), ("capture.js", 24, 10)],
)
def test_a_bundle_is_small(name, kb, zipped_kb):
    script = (STATIC / name).read_bytes()
    assert len(script) < kb * 1024, f"{name} has {len(script):,} bytes"
    zipped = len(gzip.compress(script))
    assert zipped < zipped_kb * 1024, f"{name} has {zipped:,} bytes zipped"
