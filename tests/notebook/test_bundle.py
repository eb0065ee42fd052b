"""The page's bundles stay small: they travel to the page of every kernel, some with every widget."""

import gzip

import pytest

from sse_widget.notebook.assets import STATIC


# A log is asked for when a stream is selected: no overview carries it.
@pytest.mark.parametrize(
    ("name", "kb", "zipped_kb"),
    [("widget.js", 140, 52), ("capture.js", 24, 10), ("loader.js", 2, 1)],
)
def test_a_bundle_is_small(name, kb, zipped_kb):
    script = (STATIC / name).read_bytes()
    assert len(script) < kb * 1024, f"{name} has {len(script):,} bytes"
    zipped = len(gzip.compress(script))
    assert zipped < zipped_kb * 1024, f"{name} has {zipped:,} bytes zipped"
